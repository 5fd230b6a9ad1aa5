use super::*;
use crate::bank::Bank;

/// Bars that go up by step, and bars that leap about: anybody can tell them apart.
fn bank(count: usize) -> Bank {
    let phrase = |index: usize, good: bool| {
        let notes: Vec<_> = (0..8)
            .map(|step| {
                let pitch = if good { 60 + step } else { 60 + (step * 5 + index) % 12 };
                (pitch as u8, (step + index % 3) as f64 / 2.0, if index.is_multiple_of(2) { 0.5 } else { 0.25 })
            })
            .collect();
        Fragment::from_quarters(&notes).unwrap()
    };
    let named = |index: usize| {
        let good = index.is_multiple_of(2);
        (format!("{}/{index:03}", if good { "good" } else { "bad" }), phrase(index, good))
    };
    Bank::from_fragments((0..2 * count).map(named)).unwrap()
}

fn small() -> Training {
    let recipe = Recipe { quarters: 8, columns_per_quarter: 4, pitches: 24, ..Training::default().recipe };
    let augmentation = Augmentation { semitones: 2, ..Augmentation::default() };
    Training { recipe, folds: 3, towers: 2, epochs: 6, augmentation, scrambled: 0.0, ..Training::default() }
}

fn apart(bank: &Bank) -> Vec<usize> {
    (0..bank.exemplars().len()).collect()
}

#[test]
fn learns_what_is_easy_and_the_same_every_time() {
    let bank = bank(12);
    let train = |threads: usize, training: &Training| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let steps = std::sync::atomic::AtomicUsize::new(0);
        let count = |more| {
            steps.fetch_add(more, std::sync::atomic::Ordering::Relaxed);
        };
        let trained = pool.install(|| training.train(bank.exemplars(), &apart(&bank), count)).unwrap();
        assert_eq!(steps.into_inner(), training.steps());
        trained
    };
    let training = small();
    let first = train(1, &training);
    assert!(first.validation.auc > 0.95, "{:?}", first.validation);
    assert!(first.validation.accuracy > 0.9);
    assert!(first.validation.after.expected_error < 0.15);
    assert!(first == train(3, &training), "neither chance nor threads play a role");
    assert_ne!(first.onnx, train(3, &Training { seed: 2, epochs: 1, ..training }).onnx);
}

#[test]
fn refuses_too_few() {
    let refusal =
        |bank: &Bank, groups: &[usize]| small().train(bank.exemplars(), groups, |_| ()).unwrap_err().to_string();
    let few = bank(5);
    assert!(refusal(&few, &apart(&few)).contains("5 good and 5 bad exemplars are too few"));
    assert!(refusal(&few, &apart(&few)).contains("at least 6 of each"));
    let all = bank(8);
    assert!(refusal(&all, &[0; 16]).contains("1 groups with good ones"));
    for training in
        [Training { folds: 2, ..small() }, Training { towers: 0, ..small() }, Training { epochs: 0, ..small() }]
    {
        assert!(matches!(training.train(all.exemplars(), &apart(&all), |_| ()), Err(Error::Option { .. })));
    }
    let narrow = Training { recipe: Recipe { quarters: 1, columns_per_quarter: 2, ..Recipe::default() }, ..small() };
    let turned = Training { recipe: Recipe { labels: [Label::Good, Label::Bad], ..Recipe::default() }, ..small() };
    for training in [narrow, turned] {
        assert!(matches!(training.train(all.exemplars(), &apart(&all), |_| ()), Err(Error::Training(_))));
    }
}

/// What is written answers elsewhere as it does here.
#[cfg(feature = "onnx")]
#[test]
fn the_file_says_what_the_network_says() {
    let bank = bank(6);
    for recipe in [Training::default().recipe, small().recipe] {
        let mut random = Pcg64Mcg::seed_from_u64(5);
        let weights = network::Weights::joined((0..2).map(|_| network::Weights::random(&recipe, &mut random)));
        let members: Vec<_> = bank.exemplars().iter().map(|it| &it.fragment).collect();
        let ours = fit::answers(&recipe, &weights, &members);
        let pictures: Vec<f32> = members.iter().flat_map(|fragment| recipe.draw(fragment)).collect();

        let model = rten::Model::load(export::onnx(&recipe, &weights)).unwrap();
        let told = model.metadata().get(Recipe::KEY).unwrap();
        assert_eq!(Recipe::from_json(told), Ok(recipe.clone()));
        let (channels, rows, columns) = recipe.shape();
        let input = rten::Value::from_shape([members.len(), channels, rows, columns], pictures).unwrap();
        let id = |name| model.node_id(name).unwrap();
        let outputs = [id(Recipe::LOGIT), id(Recipe::EMBEDDING)];
        let theirs: [Vec<f32>; 2] = model
            .run_n(vec![(id(Recipe::INPUT), input.into())], outputs, None)
            .unwrap()
            .map(|value| value.into_tensor::<f32>().unwrap().into_data());
        for (ours, theirs) in [&ours.logits, &ours.embeddings].into_iter().zip(&theirs) {
            assert_eq!(ours.len(), theirs.len());
            assert!(ours.iter().any(|value| value.abs() > 1e-3));
            ours.iter().zip(theirs).for_each(|(ours, theirs)| assert!((ours - theirs).abs() < 1e-4, "{ours} {theirs}"));
        }
    }
}
