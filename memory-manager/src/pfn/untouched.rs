use crate::PhysicalPage;

/// The frames that were never used, which are zeros: so few ranges that a list of them is all
/// it takes, however much memory there is.
#[derive(Clone, Debug)]
pub(super) struct Untouched {
    /// The first frames and the ones behind the last ones, the lowest range last.
    ranges: Vec<(u64, u64)>,
    count: u64,
}

impl Untouched {
    pub(super) fn new(frames: u64) -> Self {
        let ranges = Vec::from_iter((frames > 0).then_some((0, frames)));
        Self {
            ranges,
            count: frames,
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// By number, those behind the last one at the end.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (u64, u64)> {
        self.ranges.iter().rev().copied()
    }

    /// The lowest frame.
    pub(super) fn take_lowest(&mut self) -> Option<PhysicalPage> {
        let (first, end) = self.ranges.last_mut()?;
        let frame = *first;
        *first += 1;
        if first == end {
            self.ranges.pop();
        }
        self.count -= 1;
        Some(PhysicalPage(frame))
    }

    /// The lowest frame whose number has this remainder.
    pub(super) fn take_colour(&mut self, colour: u64, colours: u64) -> Option<PhysicalPage> {
        let of_colour = |first: u64| first + (colour + colours - first % colours) % colours;
        let first = |(first, end)| Some(of_colour(first)).filter(|&at| at < end);
        let frame = self.ranges().find_map(first)?;
        self.remove(frame, frame + 1);
        Some(PhysicalPage(frame))
    }

    /// The lowest so many frames in one piece that start at a multiple of their count.
    pub(super) fn find_piece(&self, frames: u64) -> Option<PhysicalPage> {
        let piece = |first: u64| first.next_multiple_of(frames);
        self.ranges()
            .map(|(first, end)| (piece(first), end))
            .find(|&(first, end)| first + frames <= end)
            .map(|(first, _)| PhysicalPage(first))
    }

    /// Takes what there is of some frames out.
    pub(super) fn remove(&mut self, start: u64, stop: u64) {
        let mut left = Vec::with_capacity(self.ranges.len() + 1);
        for &(first, end) in &self.ranges {
            let (low, high) = (start.clamp(first, end), stop.clamp(first, end));
            let parts = [(high, end), (first, low)];
            left.extend(parts.into_iter().filter(|(first, end)| first < end));
            self.count -= high - low;
        }
        self.ranges = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_from_the_lowest_range_that_has_them() {
        let mut untouched = Untouched::new(20);
        assert_eq!(untouched.take_lowest(), Some(PhysicalPage(0)));
        assert_eq!(untouched.find_piece(8), Some(PhysicalPage(8)));
        untouched.remove(8, 16);
        assert_eq!(untouched.ranges().collect::<Vec<_>>(), [(1, 8), (16, 20)]);
        assert_eq!(untouched.take_colour(0, 4), Some(PhysicalPage(4)));
        assert_eq!(untouched.take_colour(0, 4), Some(PhysicalPage(16)));
        assert_eq!(untouched.take_colour(0, 4), None);
        assert_eq!(untouched.find_piece(8), None);
        let rest: Vec<_> = std::iter::from_fn(|| untouched.take_lowest()).collect();
        assert_eq!(rest, [1, 2, 3, 5, 6, 7, 17, 18, 19].map(PhysicalPage));
        assert_eq!(untouched.count(), 0);
    }
}
