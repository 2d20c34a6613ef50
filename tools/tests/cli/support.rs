//! Running the command, and the data to run it on.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
};

use assert_cmd::Command;

/// The command with these arguments.
pub(crate) fn lookaside<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookaside"));
    command.args(arguments);
    command
}

/// How a run of the command ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the command to its end.
pub(crate) fn run(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the command, which must succeed, and returns what it prints.
pub(crate) fn stdout_of(command: Command) -> String {
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

/// Runs the command, which must fail with this code, print no result, and say all of these
/// words.
pub(crate) fn fails(command: Command, code: i32, words: &[&str]) -> Ended {
    let ended = run(command);
    assert_eq!(ended.code, Some(code), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    let unwrapped = unwrapped(&ended.stderr);
    for word in words {
        let is_there = ended.stderr.contains(word) || unwrapped.contains(word);
        assert!(is_there, "`{word}` is not in: {}", ended.stderr);
    }
    ended
}

/// A message whose long lines were broken, with a bar before what goes on, as one line.
fn unwrapped(message: &str) -> String {
    let words = message.split_whitespace().filter(|&word| word != "│");
    words.collect::<Vec<_>>().join(" ")
}

/// A file of the recorded data.
pub(crate) fn data(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data");
    let path = root.canonicalize().unwrap().join(name);
    path.into_os_string().into_string().unwrap()
}

/// The content of a compressed file of the recorded data.
pub(crate) fn decompressed(name: &str) -> Vec<u8> {
    let file = std::fs::File::open(data(name)).unwrap();
    let mut decoder = zstd::Decoder::new(file).unwrap();
    decoder.window_log_max(27).unwrap();
    let mut bytes = Vec::new();
    decoder.read_to_end(&mut bytes).unwrap();
    bytes
}

/// A directory for the files of one test.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn name(&self, name: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        path.into_os_string().into_string().unwrap()
    }

    /// Writes a file and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.name(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The names of the files that are there.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }
}

/// A short trace: a loop over a few pages, with valgrind's messages around it.
pub(crate) fn short_trace() -> String {
    let mut text = String::from("==1== Lackey, an example Valgrind tool\n");
    for step in 0..200 {
        let (data, modified) = (0x1fff_0000 + step * 0x40, 0x1ffe_ff00 + step);
        for line in [
            "I  00401000,4".to_owned(),
            format!(" L {data:08x},8"),
            "I  00401004,5".to_owned(),
            format!(" S {data:08x},8"),
            "I  00401009,2".to_owned(),
            format!(" M {modified:08x},8"),
        ] {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text + "==1== \n"
}

pub(crate) fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::encode_all(content, 3).unwrap()
}

pub(crate) fn xz(content: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 3);
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gzip(content: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::fast();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
