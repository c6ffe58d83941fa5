//! Are the configurations that come with the project valid, and without a warning?

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
}

#[test]
fn every_example_is_valid() {
    let mut paths = Vec::new();
    collect(Path::new("examples"), &mut paths);
    assert!(5 < paths.len(), "{paths:?}");
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let config = load_with(&[], text).unwrap_or_else(|problems| panic!("{}: {problems}", path.display()));
        assert_eq!(shown(&config.warnings), <Vec<String>>::new(), "{}", path.display());
    }
}
