//! The order of lanes from top to bottom: those with many links between them lie near each other.

use std::collections::BTreeMap;

use super::{Item, Link};

const ROUNDS: usize = 24;

/// For each lane its place from the top.
pub(super) fn order(items: &[Item], links: &[Link]) -> Vec<usize> {
    let count = items.iter().map(|item| item.lane + 1).max().unwrap_or(0);
    let mut between: Vec<BTreeMap<usize, i64>> = vec![BTreeMap::new(); count];
    for link in links {
        let (one, other) = (items[link.from].lane, items[link.to].lane);
        if one != other {
            *between[one].entry(other).or_default() += 1;
            *between[other].entry(one).or_default() += 1;
        }
    }
    let mut order: Vec<usize> = (0..count).collect();
    let mut place = order.clone();
    for _ in 0..ROUNDS {
        let mut swapped = false;
        for upper in 1..count {
            let (first, second) = (order[upper - 1], order[upper]);
            // Swapping two neighbours moves each by one: only the sides on which the others lie count.
            let pull = |lane: usize, other: usize| -> i64 {
                let links = between[lane].iter().filter(|(third, _)| **third != other);
                links.map(|(third, weight)| if place[*third] > place[lane] { *weight } else { -weight }).sum()
            };
            if pull(first, second) > pull(second, first) {
                order.swap(upper - 1, upper);
                place.swap(first, second);
                swapped = true;
            }
        }
        if !swapped {
            break;
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::super::{Item, Link};
    use super::order;

    #[test]
    fn lanes_that_talk_lie_side_by_side() {
        let items: Vec<Item> = (0..4).map(|lane| Item { width: 1.0, height: 1.0, lane }).collect();
        let pairs = [(0, 3), (0, 3), (0, 3), (1, 2), (1, 2)];
        let links: Vec<Link> = pairs.iter().map(|(from, to)| Link { from: *from, to: *to }).collect();
        let place = order(&items, &links);
        assert_eq!(place[0].abs_diff(place[3]), 1, "{place:?}");
        assert_eq!(place[1].abs_diff(place[2]), 1, "{place:?}");
    }
}
