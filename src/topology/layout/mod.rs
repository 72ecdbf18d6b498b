//! Where things stand in a picture: columns, layers, domains. It knows no sizes but those it is given.

mod columns;
mod layered;

pub use columns::{Band, Columns, columns};
pub use layered::{Drawing, Item, Link, Route, Spacing, backward, layered};

/// Positions nearest to the wanted ones (least squares by weight) that keep the order and the heights apart by `gap`.
///
/// `wanted` and the result are centres. The items stay within `from..=to` when they fit.
#[must_use]
pub fn settle(wanted: &[f64], weights: &[f64], heights: &[f64], gap: f64, from: f64, to: f64) -> Vec<f64> {
    // In the space without the items' own extents the task is an isotonic regression: pool adjacent violators.
    let mut offsets = Vec::with_capacity(wanted.len());
    let mut used = 0.0;
    for height in heights {
        offsets.push(used + height / 2.0);
        used += height + gap;
    }
    let room = (to - from - (used - gap)).max(0.0);
    // Sum of weighted positions, weight, number of items.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for ((want, offset), weight) in wanted.iter().zip(&offsets).zip(weights) {
        let mut block = ((want - offset - from) * weight, *weight, 1_usize);
        while let Some(before) = blocks.pop_if(|before| before.0 / before.1 > block.0 / block.1) {
            block = (before.0 + block.0, before.1 + block.1, before.2 + block.2);
        }
        blocks.push(block);
    }
    let free = blocks.iter().flat_map(|(sum, weight, count)| std::iter::repeat_n(sum / weight, *count));
    free.zip(&offsets).map(|(value, offset)| from + value.clamp(0.0, room) + offset).collect()
}
