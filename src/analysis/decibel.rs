//! Decibels.

use ndarray::{Array2, ArrayView2};

/// What 0 dB is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reference {
    /// This power or amplitude.
    Value(f32),
    /// The greatest of the array.
    Max,
}

/// Powers in decibels, `10 log10(power / reference)`, powers below 1e-10 counting as 1e-10. With `top_db` nothing lies
/// further below the loudest than that. Shape: as given.
pub fn power_to_db(power: ArrayView2<'_, f32>, reference: Reference, top_db: Option<f32>) -> Array2<f32> {
    to_db(power.to_owned(), reference_power(power, reference), 1e-10, top_db)
}

/// Amplitudes in decibels, `20 log10(amplitude / reference)`, amplitudes below 1e-5 counting as 1e-5. With `top_db`
/// nothing lies further below the loudest than that. Shape: as given.
pub fn amplitude_to_db(amplitude: ArrayView2<'_, f32>, reference: Reference, top_db: Option<f32>) -> Array2<f32> {
    to_db(amplitude.mapv(|value| value * value), reference_power(amplitude, reference).powi(2), 1e-10, top_db)
}

fn reference_power(values: ArrayView2<'_, f32>, reference: Reference) -> f32 {
    match reference {
        Reference::Value(value) => value.abs(),
        Reference::Max => values.fold(0.0, |max, &value| f32::max(max, value.abs())),
    }
}

fn to_db(mut power: Array2<f32>, reference: f32, least: f32, top_db: Option<f32>) -> Array2<f32> {
    let zero = 10.0 * reference.max(least).log10();
    power.mapv_inplace(|power| 10.0 * power.max(least).log10() - zero);
    if let Some(top_db) = top_db {
        let floor = power.fold(f32::NEG_INFINITY, |max, &value| max.max(value)) - top_db;
        power.mapv_inplace(|value| value.max(floor));
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_tenth_is_minus_ten_or_minus_twenty() {
        let values = array![[1.0, 0.1, 0.0]];
        assert_eq!(power_to_db(values.view(), Reference::Max, Some(80.0)), array![[0.0, -10.0, -80.0]]);
        let amplitudes = amplitude_to_db(values.view(), Reference::Value(1.0), None);
        assert!((amplitudes[(0, 1)] + 20.0).abs() < 1e-4 && (amplitudes[(0, 2)] + 100.0).abs() < 1e-4);
        assert!(power_to_db(Array2::zeros((3, 2)).view(), Reference::Max, Some(80.0)).iter().all(|&v| v == 0.0));
    }
}
