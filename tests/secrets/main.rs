//! Does a secret stay a secret? Planted wherever one may stand, given back by whoever is shown it, and searched for in all
//! that the relay says, writes and serves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod echo;
mod mistakes;
mod planted;
mod scene;

use std::path::Path;

use planted::assert_none;
use scene::Scene;
use support::cli;

/// All bytes in the files of `directory`.
fn bytes_of(directory: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(directory).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    files.collect::<Vec<_>>().concat()
}

/// What the program prints, however it ends.
async fn printed(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let finished = cli::run(arguments, environment).await;
    format!("{}{}", finished.stdout, finished.stderr)
}

#[tokio::test]
async fn a_secret_that_is_given_back_is_shown_nowhere() {
    check_running("console").await;
}

#[tokio::test]
async fn a_secret_that_is_given_back_is_shown_nowhere_in_json() {
    check_running("json").await;
}

/// Runs the relay until everything was given back in every form, and looks at everything that it says meanwhile.
async fn check_running(encoding: &str) {
    let scene = Scene::set().await;
    let relay = scene.start(encoding).await;
    scene.export_until_all_is_told(&relay).await;
    for (page, text) in scene.pages(&relay).await {
        assert_none(&scene.secrets(), &page, text);
    }
    relay.signal("TERM");
    relay.wait_for_line(&["Shutdown complete."]).await;
    assert!(relay.log().contains("[REDACTED]"), "{}", relay.log());
    assert!(relay.log().contains("http2_goaway"), "{}", relay.log());
    assert_none(&scene.secrets(), "the log", relay.log());

    let header = format!("authorization=Bearer {}", scene.secrets()[0]);
    let letters = scene.letters().display().to_string();
    let arguments = ["replay", &letters, "--to", &scene.url(), "--header", &header, "--retry-for", "0s"];
    let said = printed(&arguments, &[]).await;
    assert!(said.contains("[REDACTED]"), "{said}");
    assert_none(&scene.secrets(), "replay", said);
    for directory in [scene.dump(), scene.letters()] {
        assert_none(&scene.secrets(), &format!("{}", directory.display()), bytes_of(&directory));
        let path = directory.to_str().unwrap();
        let list = printed(&["dump", "ls", "--json", path], &[]).await;
        let count = serde_json::from_str::<serde_json::Value>(&list).unwrap().as_array().unwrap().len();
        assert!(20 < count, "{count} records in {path}");
        for format in [&["--json"][..], &[]] {
            let list = printed(&[&["dump", "ls", path], format].concat(), &[]).await;
            assert_none(&scene.secrets(), "dump ls", list);
            let last = printed(&[&["dump", "show", path, "--last"], format].concat(), &[]).await;
            assert!(last.contains("[REDACTED]"), "{last}");
            assert_none(&scene.secrets(), "dump show", last);
        }
    }
}

#[tokio::test]
async fn a_check_shows_no_secret() {
    let scene = Scene::set().await;
    let config = scene.config();
    let environment = scene.environment();
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let header = format!("authorization=Bearer {}", scene.secrets()[0]);
    for round in 0..echo::FORMS {
        for format in [&["--json"][..], &["--strict"][..]] {
            let report = printed(&[&["check", "--config", &config], format].concat(), &environment).await;
            assert!(report.contains("[REDACTED]"), "round {round}: {report}");
            assert_none(&scene.secrets(), "check", report);
        }
        let arguments = ["check", &scene.url(), "--header", &header, "--verbose"];
        let report = printed(&arguments, &[]).await;
        assert!(report.contains("[REDACTED]"), "round {round}: {report}");
        assert_none(&scene.secrets(), "check of a URL", report);
    }
    for arguments in [["validate", "--config"], ["print-config", "--config"]] {
        let text = printed(&[&arguments, &[config.as_str()][..]].concat(), &environment).await;
        assert_none(&scene.secrets(), arguments[0], text);
    }
    let text = printed(&["print-config", "--format", "json", "--config", &config], &environment).await;
    assert!(text.contains("[REDACTED]"), "{text}");
    assert_none(&scene.secrets(), "print-config", text);
}
