//! Which links to turn round so that no cycle is left: few of them, by the rule of Eades, Lin and Smyth.

use super::Link;

/// For each link whether it goes against the flow. Without cycles none does. A link from an item to itself does not count.
///
/// # Panics
/// When a link names an item that is not there.
#[must_use]
pub fn backward(items: usize, links: &[Link]) -> Vec<bool> {
    against(links, &Peeling::new(items, links).places())
}

/// The same by going depth first from the first of these items on: more links go back, in more layers, which are less
/// tangled.
pub(super) fn backward_by_depth(order: &[usize], links: &[Link]) -> Vec<bool> {
    let items = order.len();
    let mut outgoing = vec![Vec::new(); items];
    for link in links {
        outgoing[link.from].push(link.to);
    }
    let mut seen = vec![false; items];
    let mut place = vec![0; items];
    let mut next = items;
    for root in order.iter().copied() {
        let mut stack = vec![(root, 0)];
        if std::mem::replace(&mut seen[root], true) {
            continue;
        }
        while let Some((item, tried)) = stack.pop() {
            let Some(after) = outgoing[item].get(tried) else {
                next -= 1;
                place[item] = next;
                continue;
            };
            stack.push((item, tried + 1));
            if !std::mem::replace(&mut seen[*after], true) {
                stack.push((*after, 0));
            }
        }
    }
    against(links, &place)
}

fn against(links: &[Link], place: &[usize]) -> Vec<bool> {
    links.iter().map(|link| place[link.from] > place[link.to]).collect()
}

/// Items are taken off one by one: sinks to the end, sources to the front, else the one with the largest surplus.
struct Peeling {
    outgoing: Vec<Vec<usize>>,
    incoming: Vec<Vec<usize>>,
    leaving: Vec<usize>,
    arriving: Vec<usize>,
    taken: Vec<bool>,
    /// Items by surplus of leaving over arriving links; entries that no longer hold are passed over.
    buckets: Vec<Vec<usize>>,
    /// What is added to a surplus to get its bucket.
    offset: usize,
    highest: usize,
    ends: Vec<usize>,
}

impl Peeling {
    fn new(items: usize, links: &[Link]) -> Self {
        let mut outgoing = vec![Vec::new(); items];
        let mut incoming = vec![Vec::new(); items];
        for link in links.iter().filter(|link| link.from != link.to) {
            outgoing[link.from].push(link.to);
            incoming[link.to].push(link.from);
        }
        let leaving: Vec<usize> = outgoing.iter().map(Vec::len).collect();
        let arriving: Vec<usize> = incoming.iter().map(Vec::len).collect();
        let offset = arriving.iter().copied().max().unwrap_or(0);
        let most = leaving.iter().copied().max().unwrap_or(0);
        let mut peeling = Self {
            outgoing,
            incoming,
            leaving,
            arriving,
            taken: vec![false; items],
            buckets: vec![Vec::new(); offset + most + 1],
            offset,
            highest: 0,
            ends: Vec::new(),
        };
        for item in (0..items).rev() {
            peeling.file(item);
        }
        peeling
    }

    fn file(&mut self, item: usize) {
        if self.arriving[item] == 0 || self.leaving[item] == 0 {
            self.ends.push(item);
            return;
        }
        let bucket = self.offset + self.leaving[item] - self.arriving[item];
        self.buckets[bucket].push(item);
        self.highest = self.highest.max(bucket);
    }

    /// For each item its place in an order in which few links go back.
    fn places(mut self) -> Vec<usize> {
        let items = self.taken.len();
        let mut place = vec![0; items];
        let (mut front, mut back) = (0, items);
        while front < back {
            let Some(item) = self.ends.pop().or_else(|| self.largest_surplus()) else { break };
            if self.taken[item] {
                continue;
            }
            if self.leaving[item] == 0 && self.arriving[item] > 0 {
                back -= 1;
                place[item] = back;
            } else {
                place[item] = front;
                front += 1;
            }
            self.take(item);
        }
        place
    }

    fn largest_surplus(&mut self) -> Option<usize> {
        loop {
            while let Some(item) = self.buckets[self.highest].pop() {
                let holds = self.offset + self.leaving[item] == self.highest + self.arriving[item];
                if !self.taken[item] && holds {
                    return Some(item);
                }
            }
            self.highest = self.highest.checked_sub(1)?;
        }
    }

    fn take(&mut self, item: usize) {
        self.taken[item] = true;
        for next in std::mem::take(&mut self.outgoing[item]) {
            if !self.taken[next] {
                self.arriving[next] -= 1;
                self.file(next);
            }
        }
        for before in std::mem::take(&mut self.incoming[item]) {
            if !self.taken[before] {
                self.leaving[before] -= 1;
                self.file(before);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Link;
    use super::{backward, backward_by_depth};

    fn links(pairs: &[(usize, usize)]) -> Vec<Link> {
        pairs.iter().map(|(from, to)| Link { from: *from, to: *to }).collect()
    }

    #[test]
    fn one_link_of_a_ring_goes_back() {
        let ring = links(&[(0, 1), (1, 2), (2, 3), (3, 0)]);
        assert_eq!(backward(4, &ring).iter().filter(|back| **back).count(), 1);
        assert_eq!(backward_by_depth(&[0, 1, 2, 3], &ring), [false, false, false, true]);
        assert_eq!(backward_by_depth(&[2, 0, 1, 3], &ring), [false, true, false, false]);
    }

    #[test]
    fn without_cycles_nothing_goes_back() {
        let fan = links(&[(0, 1), (0, 2), (1, 3), (2, 3), (4, 3), (0, 3)]);
        assert!(backward(5, &fan).iter().all(|back| !back));
        assert!(backward_by_depth(&[0, 1, 2, 3, 4], &fan).iter().all(|back| !back));
        assert!(backward(0, &[]).is_empty());
    }
}
