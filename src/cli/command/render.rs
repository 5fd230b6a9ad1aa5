//! `judge render`: the picture of a file, and how an exemplar lies on it.

use std::path::PathBuf;

use crate::cli::args::RenderArgs;
use crate::cli::output::PictureFile;
use crate::cli::{Context, Outcome, files};
use crate::report::picture::{Overlay, RollPicture, Tone};
use crate::report::words;

pub fn run(args: &RenderArgs) -> anyhow::Result<Outcome> {
    let context = Context::new(&args.general);
    let inputs = [&args.file].into_iter().chain(&args.against).map(PathBuf::as_path);
    let file = PictureFile::new(&args.output, inputs)?;
    #[cfg(feature = "audio")]
    if let Some(view) = args.view {
        return super::render_sound::run(args, view, &context, file);
    }
    let comparer = args.likeness.comparer(args.extent);
    let options = args.read.options()?;
    let piece = files::read_one(&args.file, &options)?;
    context.tell_warnings(&piece);
    let fragment = piece.fragment()?;
    let roll = comparer.fragment(fragment);
    let mut picture = RollPicture {
        quarters_per_bar: piece.info.time_signature().map(|time| time.quarters()),
        start: fragment.to_quarters(fragment.lead()),
        ..RollPicture::new(args.file.display().to_string(), roll.roll())
    };
    let exemplar = match &args.against {
        Some(path) => {
            let exemplar = files::read_one(path, &options)?.into_fragment()?;
            let (altered, likeness) = (comparer.exemplar(&exemplar), comparer.likeness(fragment, &exemplar));
            Some((path.display().to_string(), exemplar, altered, likeness))
        }
        None => None,
    };
    if let Some((name, exemplar, altered, Some(likeness))) = &exemplar {
        let placed = words::placement(&likeness.placement);
        picture.subtitle = Some(format!("similarity {:.2} with {name}: {placed}", likeness.similarity));
        picture.overlay = Overlay::laid(altered, likeness, name, Tone::Neutral)
            .map(|overlay| overlay.explained(&comparer, fragment, exemplar, likeness));
    }
    file.write(&picture.drawing())?;
    Ok(Outcome::Done)
}
