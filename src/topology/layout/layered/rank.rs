//! The layer of each item: links lead to the right, and all of them together are short.

/// Rounds of pulling items towards their neighbours.
const ROUNDS: usize = 12;

/// The layer of each item, from 0; `links` have no cycle but may join an item with itself.
pub(super) fn ranks(items: usize, links: &[(usize, usize)]) -> Vec<usize> {
    let mut after = vec![Vec::new(); items];
    let mut before = vec![Vec::new(); items];
    for (from, to) in links.iter().filter(|(from, to)| from != to) {
        after[*from].push(*to);
        before[*to].push(*from);
    }
    let order = sorted(&after, &before);
    let mut rank = vec![0; items];
    for item in &order {
        rank[*item] = before[*item].iter().map(|other| rank[*other] + 1).max().unwrap_or(0);
    }
    for round in 0..ROUNDS {
        let mut moved = false;
        for step in 0..order.len() {
            let item = if round.is_multiple_of(2) { order[order.len() - 1 - step] } else { order[step] };
            let better = pulled(item, &rank, &after, &before);
            moved |= better != rank[item];
            rank[item] = better;
        }
        if !moved {
            break;
        }
    }
    close_up(&mut rank);
    rank
}

/// Items in an order in which links lead forward.
fn sorted(after: &[Vec<usize>], before: &[Vec<usize>]) -> Vec<usize> {
    let mut waiting: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut order: Vec<usize> = (0..after.len()).filter(|item| waiting[*item] == 0).collect();
    let mut at = 0;
    while let Some(item) = order.get(at).copied() {
        at += 1;
        for next in &after[item] {
            waiting[*next] -= 1;
            if waiting[*next] == 0 {
                order.push(*next);
            }
        }
    }
    order
}

/// Where an item makes its links shortest, its neighbours standing still.
fn pulled(item: usize, rank: &[usize], after: &[Vec<usize>], before: &[Vec<usize>]) -> usize {
    let lowest = before[item].iter().map(|other| rank[*other] + 1).max();
    let highest = after[item].iter().map(|other| rank[*other].saturating_sub(1)).min();
    match (lowest, highest) {
        (None, None) => rank[item],
        (Some(lowest), None) => lowest,
        (None, Some(highest)) => highest,
        (Some(lowest), Some(highest)) => match before[item].len().cmp(&after[item].len()) {
            std::cmp::Ordering::Greater => lowest,
            std::cmp::Ordering::Less => highest,
            std::cmp::Ordering::Equal => rank[item].clamp(lowest, highest),
        },
    }
}

/// Leaves no layer empty.
fn close_up(rank: &mut [usize]) {
    let highest = rank.iter().copied().max().unwrap_or(0);
    let mut used = vec![false; highest + 1];
    for layer in rank.iter() {
        used[*layer] = true;
    }
    let mut next = 0;
    let mut place = vec![0; highest + 1];
    for (layer, used) in used.iter().enumerate() {
        place[layer] = next;
        next += usize::from(*used);
    }
    for layer in rank.iter_mut() {
        *layer = place[*layer];
    }
}

#[cfg(test)]
mod tests {
    use super::ranks;

    #[test]
    fn links_lead_to_the_right_and_are_short() {
        // 4 has no need to stand at the far left: it is pulled beside what it sends to.
        let links = [(0, 1), (1, 2), (2, 3), (4, 3), (0, 3)];
        assert_eq!(ranks(5, &links), [0, 1, 2, 3, 2]);
        assert_eq!(ranks(2, &[(1, 1)]), [0, 0]);
    }
}
