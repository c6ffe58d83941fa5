//! What it means when the system does not read or write a file: the class of the failure, and words for it.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::failure::Class;

/// The class of an error of the file system.
pub fn class_of(error: &io::Error) -> Class {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Class::DiskFull,
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied | ErrorKind::NotFound => Class::StorageReadOnly,
        _ if matches!(error.raw_os_error(), Some(ENFILE | EMFILE)) => Class::TooManyOpenFiles,
        _ => Class::StorageFailed,
    }
}

/// Why `path` cannot be written, without the words of the system.
pub fn why(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::StorageFull => format!("the disk of {path} is full"),
        ErrorKind::NotFound => format!("the directory of {path} does not exist"),
        _ => format!("{path} cannot be written"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: i32, class: Class, words: &str) {
        let error = io::Error::from_raw_os_error(code);
        assert_eq!((class_of(&error), why(Path::new("/d/f"), &error).as_str()), (class, words), "{error}");
    }

    #[test]
    fn errors_of_the_system_have_classes() {
        check(28, Class::DiskFull, "the disk of /d/f is full");
        // EDQUOT and EFBIG
        check(122, Class::DiskFull, "/d/f cannot be written");
        check(27, Class::DiskFull, "/d/f cannot be written");
        check(30, Class::StorageReadOnly, "/d/f cannot be written");
        check(13, Class::StorageReadOnly, "/d/f cannot be written");
        check(2, Class::StorageReadOnly, "the directory of /d/f does not exist");
        check(24, Class::TooManyOpenFiles, "/d/f cannot be written");
        check(23, Class::TooManyOpenFiles, "/d/f cannot be written");
        check(5, Class::StorageFailed, "/d/f cannot be written");
    }
}
