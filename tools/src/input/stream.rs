use std::{
    fmt,
    fs::File,
    io::{self, BufReader, Read},
};

use super::{Compression, InputError, Progress, Source, progress::Counted};

const RAW_BUFFER_BYTES: usize = 128 << 10;

const SKIP_BYTES: usize = 16 << 10;

/// An open input: the decompressed bytes of a file, in order.
pub struct Input {
    source: Source,
    compression: Compression,
    progress: Progress,
    decoder: Box<dyn Read + Send>,
    /// How many bytes have come out of the decoder.
    decoded: u64,
    /// Bytes that were looked at but not yet taken, from `taken` on.
    ahead: Vec<u8>,
    taken: usize,
}

/// Opens an input, whatever its compression.
///
/// # Errors
/// [`InputError`] if it is not there, not a file, not readable.
pub fn open(source: &Source) -> Result<Input, InputError> {
    let path = match source {
        Source::Path(path) => path,
        Source::Stdin => return Input::new(source.clone(), io::stdin()),
        Source::Embedded(_) | Source::Generated { .. } => {
            return Input::new(source.clone(), io::empty());
        }
    };
    let open = || {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // A pipe or a device has no length worth the name.
        let length = metadata.is_file().then_some(metadata.len());
        Ok((file, length))
    };
    let (file, length) = open().map_err(|cause| InputError::opening(source, cause))?;
    Input::with_length(source.clone(), file, length)
}

impl Input {
    /// An input from any reader, plain or compressed.
    ///
    /// # Errors
    /// [`InputError`] if its first bytes cannot be read.
    pub fn new(source: Source, raw: impl Read + Send + 'static) -> Result<Self, InputError> {
        Self::with_length(source, raw, None)
    }

    /// An input from bytes in memory, plain or compressed.
    ///
    /// # Errors
    /// [`InputError`] if the decompressor cannot be set up.
    pub fn from_bytes(name: &'static str, bytes: &'static [u8]) -> Result<Self, InputError> {
        let length = bytes.len() as u64;
        Self::with_length(Source::Embedded(name), bytes, Some(length))
    }

    /// An input whose reads are exactly those of the reader.
    #[cfg(test)]
    pub(crate) fn undecoded(source: Source, raw: impl Read + Send + 'static) -> Self {
        Self {
            source,
            compression: Compression::Plain,
            progress: Progress::new(None),
            decoder: Box::new(raw),
            decoded: 0,
            ahead: Vec::new(),
            taken: 0,
        }
    }

    fn with_length(
        source: Source,
        raw: impl Read + Send + 'static,
        length: Option<u64>,
    ) -> Result<Self, InputError> {
        let progress = Progress::new(length);
        let mut raw = Counted::new(raw, progress.clone());
        let mut start = [0; Compression::MAGIC_BYTES];
        let opened = fill(&mut raw, &mut start).map_err(|(_, cause)| (Compression::Plain, cause));
        let opened = opened.and_then(|count| {
            let start = io::Cursor::new(start).take(count as u64);
            let compression = Compression::detect(&start.get_ref().get_ref()[..count]);
            let raw = BufReader::with_capacity(RAW_BUFFER_BYTES, start.chain(raw));
            let decoder = compression.decode(raw);
            let decoder = decoder.map_err(|cause| (compression, cause))?;
            Ok((compression, decoder))
        });
        match opened {
            Ok((compression, decoder)) => Ok(Self {
                source,
                compression,
                progress,
                decoder,
                decoded: 0,
                ahead: Vec::new(),
                taken: 0,
            }),
            Err((compression, cause)) => Err(InputError::reading(&source, compression, 0, cause)),
        }
    }

    /// Where the input comes from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// How it is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// A watch on how much of the file has been read.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// How many decompressed bytes there are, where that is known beforehand.
    pub fn length(&self) -> Option<u64> {
        match self.compression {
            Compression::Plain => self.progress.total(),
            _ => None,
        }
    }

    /// How many decompressed bytes have been taken.
    pub fn offset(&self) -> u64 {
        self.decoded - (self.ahead.len() - self.taken) as u64
    }

    /// The next bytes, so many or as many as there are, without taking them.
    ///
    /// # Errors
    /// [`InputError`] if they cannot be read.
    pub fn peek(&mut self, count: usize) -> Result<&[u8], InputError> {
        let known = self.ahead.len() - self.taken;
        if known < count {
            self.ahead.drain(..self.taken);
            self.taken = 0;
            let wanted = (count - known) as u64;
            let before = self.ahead.len();
            let read = (&mut self.decoder)
                .take(wanted)
                .read_to_end(&mut self.ahead);
            self.decoded += (self.ahead.len() - before) as u64;
            read.map_err(|cause| self.error(cause))?;
        }
        let unread = &self.ahead[self.taken..];
        Ok(&unread[..count.min(unread.len())])
    }

    /// Takes some of the next bytes: at least one, unless this is the end or there is no
    /// room.
    ///
    /// # Errors
    /// [`InputError`] if they cannot be read.
    pub fn read_some(&mut self, bytes: &mut [u8]) -> Result<usize, InputError> {
        let ahead = &self.ahead[self.taken..];
        if !ahead.is_empty() {
            let count = ahead.len().min(bytes.len());
            bytes[..count].copy_from_slice(&ahead[..count]);
            self.taken += count;
            if self.taken == self.ahead.len() {
                (self.ahead, self.taken) = (Vec::new(), 0);
            }
            return Ok(count);
        }
        loop {
            match self.decoder.read(bytes) {
                Ok(count) => {
                    self.decoded += count as u64;
                    return Ok(count);
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(self.error(cause)),
            }
        }
    }

    /// Takes as many bytes as there is room for, fewer only at the end.
    ///
    /// # Errors
    /// [`InputError`] if they cannot be read.
    pub fn read_full(&mut self, bytes: &mut [u8]) -> Result<usize, InputError> {
        let mut done = 0;
        while done < bytes.len() {
            match self.read_some(&mut bytes[done..])? {
                0 => break,
                count => done += count,
            }
        }
        Ok(done)
    }

    /// Passes over so many bytes, fewer only at the end.
    ///
    /// # Errors
    /// [`InputError`] if they cannot be read.
    pub fn skip(&mut self, mut count: u64) -> Result<(), InputError> {
        let mut unwanted = [0; SKIP_BYTES];
        while count > 0 {
            let wanted = usize::try_from(count).map_or(SKIP_BYTES, |left| left.min(SKIP_BYTES));
            match self.read_some(&mut unwanted[..wanted])? {
                0 => break,
                passed => count -= passed as u64,
            }
        }
        Ok(())
    }

    fn error(&self, cause: io::Error) -> InputError {
        InputError::reading(&self.source, self.compression, self.decoded, cause)
    }
}

/// For libraries that want a reader; the error inside is the [`InputError`].
impl Read for Input {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.read_some(bytes).map_err(io::Error::other)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("source", &self.source)
            .field("compression", &self.compression)
            .field("offset", &self.offset())
            .finish_non_exhaustive()
    }
}

/// Reads until the buffer is full or the end; an error comes with what was read before.
fn fill(reader: &mut impl Read, bytes: &mut [u8]) -> Result<usize, (usize, io::Error)> {
    let mut done = 0;
    while done < bytes.len() {
        match reader.read(&mut bytes[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err((done, cause)),
        }
    }
    Ok(done)
}
