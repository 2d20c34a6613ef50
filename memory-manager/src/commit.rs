/// Memory that is promised, in pages, and frames there are to keep it in.
#[derive(Debug)]
pub(crate) struct Commit {
    frames: u64,
    charged: u64,
}

impl Commit {
    pub(crate) fn new(frames: u64) -> Self {
        Self { frames, charged: 0 }
    }

    pub(crate) fn frames(&self) -> u64 {
        self.frames
    }

    pub(crate) fn charged(&self) -> u64 {
        self.charged
    }

    /// Promises memory, whether or not there is as much.
    pub(crate) fn charge(&mut self, pages: u64) {
        self.charged += pages;
    }

    pub(crate) fn release(&mut self, pages: u64) {
        self.charged -= pages;
    }

    /// A frame is of no use any more.
    pub(crate) fn lose_frame(&mut self) {
        self.frames -= 1;
    }
}
