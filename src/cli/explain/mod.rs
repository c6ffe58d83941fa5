//! `otlp-relay explain`: what a class of failures means, what causes it and what to do, without any network.

mod text;

use std::io::{self, Read};

use clap::Args;
use serde_json::{Value, json};

use crate::config::nearest;
use crate::failure::{Class, Family, Recognised, recognise};

use text::{class_page, family_page, likely_page, list_page};

#[derive(Args, Debug)]
pub(super) struct Explain {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// A class (connection_refused), a family (x509), or the error text of a Collector, an SDK or a tool; - reads the text
    /// from the standard input. Without it: the list of all classes.
    #[arg(value_name = "CLASS|FAMILY|TEXT", allow_hyphen_values = true)]
    words: Vec<String>,
}

/// What was asked for.
#[derive(Debug)]
enum Answer {
    List,
    Class(Class, Option<Family>),
    Family(Family),
    Likely(Vec<Recognised>),
}

/// What to print, or that nothing is known of it.
pub(super) fn explain(asked: &Explain) -> Result<String, String> {
    let words = match &asked.words[..] {
        [dash] if dash == "-" => from_input()?,
        words => words.join(" "),
    };
    let answer = answer(words.trim())?;
    if asked.json {
        return Ok(format!("{:#}\n", to_json(&answer)));
    }
    Ok(match answer {
        Answer::List => list_page(),
        Answer::Class(class, None) => class_page(class),
        Answer::Class(class, Some(family)) => format!("{}\n{}", class_page(class), family_page(family)),
        Answer::Family(family) => family_page(family),
        Answer::Likely(found) => likely_page(&found),
    })
}

fn from_input() -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(MOST_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| format!("cannot read the standard input: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn answer(words: &str) -> Result<Answer, String> {
    if words.is_empty() {
        return Ok(Answer::List);
    }
    let word = words.to_lowercase().replace(['-', ' '], "_");
    let class = if word == "_other" { Some(Class::Other) } else { Class::of_code(&word) };
    match (class, Family::of_name(&word)) {
        (Some(class), family) => return Ok(Answer::Class(class, family)),
        (None, Some(family)) => return Ok(Answer::Family(family)),
        (None, None) => {}
    }
    let found = recognise(words);
    if !found.is_empty() {
        return Ok(Answer::Likely(found));
    }
    let codes = Class::ALL.iter().map(|class| class.code());
    let families = Family::ALL.iter().map(|family| family.name());
    Err(match nearest(&word, codes.chain(families)) {
        Some(near) => format!("there is no class \"{words}\"; did you mean \"{near}\"?"),
        None => "nothing is known of this text; otlp-relay explain lists all classes".to_owned(),
    })
}

fn to_json(answer: &Answer) -> Value {
    match answer {
        Answer::List => json!({ "classes": Class::ALL.iter().map(|class| row_json(*class)).collect::<Vec<_>>() }),
        Answer::Class(class, _) => row_json(*class),
        Answer::Family(family) => {
            let classes = Class::ALL.iter().filter(|class| class.family() == *family);
            json!({ "family": family.name(), "classes": classes.map(|class| row_json(*class)).collect::<Vec<_>>() })
        }
        Answer::Likely(found) => {
            let likely = found.iter().map(|one| json!({ "phrase": one.phrase, "class": row_json(one.class) }));
            json!({ "likely": likely.collect::<Vec<_>>() })
        }
    }
}

fn row_json(class: Class) -> Value {
    let row = class.row();
    json!({
        "code": row.code,
        "family": row.family.name(),
        "phase": row.phase.name(),
        "retry": text::rule(class),
        "heals": text::heals(row.heals),
        "grpc_code": row.grpc as i32,
        "http_status": row.http,
        "meaning": row.meaning,
        "evidence": row.evidence,
        "causes": row.causes,
        "remedies": row.remedies,
        "broken": text::dedent(row.broken),
        "mended": text::dedent(row.mended),
    })
}

/// A log is longer than any text that is worth pasting.
const MOST_BYTES: u64 = 1 << 20;
