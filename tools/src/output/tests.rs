use std::fs;

use super::*;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_file_is_replaced_whole_and_its_permissions_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.json");
    write_whole(&path, |out| out.write_all(b"one")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"one");
    #[cfg(unix)]
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    let before = fs::metadata(&path).unwrap().permissions();
    write_whole(&path, |out| {
        out.write_all(b"two")?;
        assert_eq!(fs::read(&path).unwrap(), b"one");
        Ok(())
    })
    .unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::metadata(&path).unwrap().permissions(), before);
    assert_eq!(names(directory.path()), ["out.json"]);
}

#[test]
fn after_an_error_all_is_as_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.json");
    let fail = |out: &mut dyn Write| {
        out.write_all(&vec![b'x'; 1 << 20])?;
        Err(io::Error::other("no more"))
    };
    let error = write_whole(&path, fail).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: cannot write it: no more", path.display())
    );
    assert!(names(directory.path()).is_empty());

    fs::write(&path, "old").unwrap();
    let full = |_: &mut dyn Write| Err(io::ErrorKind::StorageFull.into());
    let error = write_whole(&path, full).unwrap_err();
    assert!(matches!(error, OutputError::StorageFull { .. }));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(directory.path()), ["out.json"]);
}

#[test]
fn a_place_where_no_file_can_be_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let nothing = |_: &mut dyn Write| Ok(());
    let error = write_whole(directory.path(), nothing).unwrap_err();
    assert!(matches!(error, OutputError::IsDirectory { .. }));
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for parent in [directory.path().join("missing"), file] {
        let error = write_whole(&parent.join("out"), nothing).unwrap_err();
        assert!(matches!(error, OutputError::NoDirectory { .. }), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn devices_are_written_to_and_not_replaced() {
    write_whole(Path::new("/dev/null"), |out| out.write_all(b"gone")).unwrap();
    let error = write_whole(Path::new("/dev/full"), |out| out.write_all(b"x")).unwrap_err();
    assert!(matches!(error, OutputError::StorageFull { .. }));
    for device in ["/dev/null", "/dev/full"] {
        let kind = fs::symlink_metadata(device).unwrap().file_type();
        assert!(std::os::unix::fs::FileTypeExt::is_char_device(&kind));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_open_descriptor_is_written_to_and_not_replaced() {
    use std::os::fd::AsRawFd;

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"before ").unwrap();
    let descriptor = format!("/proc/self/fd/{}", file.as_file().as_raw_fd());
    write_whole(Path::new(&descriptor), |out| out.write_all(b"after")).unwrap();
    assert_eq!(fs::read(file.path()).unwrap(), b"before after");
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_stays_one() {
    let directory = tempfile::tempdir().unwrap();
    let (link, file) = (directory.path().join("link"), directory.path().join("file"));
    fs::write(&file, "old").unwrap();
    std::os::unix::fs::symlink("file", &link).unwrap();
    write_whole(&link, |out| out.write_all(b"new")).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&file).unwrap(), b"new");
}
