//! A process that is killed while it writes to a mapped file. Each page of the file is whole then,
//! as it was before or after, and all that was flushed is in it.
//!
//! The test starts itself as that process, which tells through a pipe what it has flushed.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{self, BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use memory_manager::{
    Backing, FileAccess, Machine, MachineConfig, PageFileSize, PageProtection, SectionAttributes,
    ViewRequest,
};
use mmu_core::VirtAddr;

/// The argument that makes the process one that is killed.
const WRITER: &str = "--write-until-killed";
const PAGE: usize = 0x1000;
const PAGES: u64 = 48;
const KILLS: u64 = 24;
/// At least so many of them while they store pages.
const AMID: u64 = 3;
const BASE: VirtAddr = VirtAddr::new(0x5000_0000);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match &arguments[..] {
        [flag, path] if flag == WRITER => write_until_killed(Path::new(path)),
        _ if arguments.iter().any(|argument| argument == "--list") => Ok(()),
        _ => kill_writers(),
    }
}

/// What a page says in a version of it: each word says both.
fn content(version: u64, page: u64) -> Vec<u8> {
    let word = version << 16 | page;
    word.to_le_bytes().repeat(PAGE / 8)
}

/// Writes one version after another, and flushes it: in two halves, so that a kill can come
/// between them. There is less memory than the file has pages, so that the mapped page writer
/// stores some at other times, too.
fn write_until_killed(path: &Path) -> Result<(), Box<dyn Error>> {
    let file = File::options().read(true).write(true).open(path)?;
    let mut machine = Machine::new(&MachineConfig {
        ram_bytes: 64 * PAGE as u64,
        ..MachineConfig::default()
    })?;
    let size = PageFileSize {
        minimum: 64 * PAGE as u64,
        maximum: 64 * PAGE as u64,
    };
    machine.add_page_file(Box::new(tempfile::tempfile()?), size)?;
    let process = machine.create_process()?;
    let backing = Backing::File(file.try_clone()?, FileAccess::all());
    let (writable, commit) = (PageProtection::READWRITE, SectionAttributes::COMMIT);
    let section = machine.create_section(backing, writable, commit, 0)?;
    let request = ViewRequest {
        base: Some(BASE),
        offset: 0,
        size: 0,
        commit: 0,
        protection: writable,
    };
    machine.map_view(process, section, &request)?;
    let mut told = io::stdout();
    for version in 1.. {
        for page in 0..PAGES {
            let at = BASE.wrapping_add(page * PAGE as u64);
            machine.write(process, at, &content(version, page))?;
        }
        let half = PAGES / 2 * PAGE as u64;
        machine.flush_view(process, BASE, half)?;
        machine.flush_view(process, BASE.wrapping_add(half), 0)?;
        if version % 4 == 0 {
            machine.flush_file_buffers(section)?;
        }
        writeln!(told, "{version}")?;
    }
    Ok(())
}

/// Starts writers, kills each at another moment, and looks at what it left.
fn kill_writers() -> Result<(), Box<dyn Error>> {
    let file = tempfile::NamedTempFile::new()?;
    let mut random = 0x1007_ab1e_u64;
    let mut draw = |end: u64| {
        // Marsaglia's xorshift.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % end
    };
    let (mut kills, mut between) = (0, 0);
    while kills < KILLS || between < AMID {
        kills += 1;
        assert!(
            kills < 20 * KILLS,
            "too few writers are killed while they store pages"
        );
        fs::write(
            file.path(),
            (0..PAGES)
                .flat_map(|page| content(0, page))
                .collect::<Vec<_>>(),
        )?;
        let mut writer = Command::new(env::current_exe()?)
            .arg(WRITER)
            .arg(file.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let told = writer.stdout.take().ok_or("the writer has no pipe")?;
        let mut told = BufReader::new(told).lines();
        let mut flushed = 0;
        for _ in 0..draw(12) {
            let line = told.next().ok_or("the writer ended by itself")??;
            flushed = line.parse()?;
        }
        thread::sleep(Duration::from_micros(draw(3000)));
        writer.kill()?;
        writer.wait()?;
        for line in told {
            flushed = line?.parse()?;
        }
        between += u64::from(look(file.path(), flushed)?);
    }
    println!("{between} of {kills} writers were killed while they stored pages");
    Ok(())
}

/// Looks at what a writer left that had flushed a version; says whether some pages are of that
/// and others of the next.
fn look(path: &Path, flushed: u64) -> Result<bool, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    assert_eq!(bytes.len() as u64, PAGES * PAGE as u64);
    let mut newer = 0;
    for (page, found) in (0..).zip(bytes.chunks_exact(PAGE)) {
        if found == content(flushed + 1, page) {
            newer += 1;
        } else {
            assert!(
                found == content(flushed, page),
                "page {page} is neither of version {flushed} nor of the next"
            );
        }
    }
    Ok(newer > 0 && newer < PAGES)
}
