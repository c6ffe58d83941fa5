//! How requests are compressed: which words each exporter and receiver takes, and how hard the compressor tries.

use crate::config::model::Compression;
use crate::config::reading::Reading;
use crate::config::section::Section;
use crate::config::suggest;

/// A word of the configuration and what it stands for.
type Word = (&'static str, Compression);

/// `compression` of a gRPC exporter; gzip unless written.
pub(super) fn grpc(exporter: &mut Section<'_>) -> Compression {
    read(exporter, GRPC_WORDS)
}

/// `compression` and `compression_params` of an HTTP exporter; gzip unless written.
pub(super) fn http(exporter: &mut Section<'_>) -> (Compression, Option<i32>) {
    let compression = read(exporter, HTTP_WORDS);
    let parameters = exporter.optional("compression_params");
    let level = parameters.and_then(|mut parameters| {
        let level = parameters.value("level").and_then(|value| level(&value, compression));
        parameters.finish();
        level
    });
    (compression, level)
}

/// The same of an exporter that compresses only where it is written.
pub(super) fn http_unless_none(exporter: &mut Section<'_>) -> (Compression, Option<i32>) {
    let written = exporter.has("compression");
    let (compression, level) = http(exporter);
    if written { (compression, level) } else { (Compression::None, None) }
}

/// One of the words that a `Content-Encoding` may be.
pub(super) fn content_encoding(value: &Reading<'_>, word: &str) -> Option<Compression> {
    find(value, word, HTTP_WORDS, "compression algorithm")
}

fn read(exporter: &mut Section<'_>, words: &[Word]) -> Compression {
    let found = exporter.value("compression").and_then(|value| {
        let word = value.text()?;
        find(&value, &word, words, "compression type")
    });
    found.unwrap_or(Compression::Gzip)
}

fn find(value: &Reading<'_>, word: &str, words: &[Word], what: &str) -> Option<Compression> {
    let found = words.iter().find(|(known, _)| *known == word).map(|(_, compression)| *compression);
    if found.is_none() {
        let valid: Vec<&str> = words.iter().map(|(word, _)| *word).filter(|word| !word.is_empty()).collect();
        value.refuse(value.fault(format!("unsupported {what} {word:?}")).hint(suggest::hint(word, &valid)));
    }
    found
}

/// `compression_params` of the `file` exporter.
pub(super) fn zstd_level(exporter: &mut Section<'_>) -> Option<i32> {
    let mut parameters = exporter.optional("compression_params")?;
    let level = parameters.value("level").and_then(|value| level(&value, Compression::Zstd));
    parameters.finish();
    level
}

/// Zero asks for the codec's default, as in the Collector.
fn level(value: &Reading<'_>, compression: Compression) -> Option<i32> {
    let level = value.integer()?;
    let fits = match compression {
        Compression::Zstd => true,
        Compression::Gzip | Compression::Zlib | Compression::Deflate => (-2..=9).contains(&level),
        _ => level == 0,
    };
    if !fits {
        let name = HTTP_WORDS.iter().find(|(_, known)| *known == compression).map_or("", |(word, _)| word);
        let what = format!("unsupported parameters {{Level:{level}}} for compression type {name:?}");
        let problem = value.fault(what);
        value.refuse(match compression {
            Compression::Gzip | Compression::Zlib | Compression::Deflate => problem.hint("write a level from 1 to 9"),
            _ => problem.hint("only gzip, zlib, deflate and zstd have levels"),
        });
    }
    if level == HUFFMAN_ONLY && compression != Compression::Zstd {
        value.warn("is taken for level 1: otlp-relay has no mode that only uses Huffman codes");
    }
    i32::try_from(level).ok().filter(|level| *level != 0)
}

const HUFFMAN_ONLY: i64 = -2;

const GRPC_WORDS: &[Word] = &[
    ("gzip", Compression::Gzip),
    ("snappy", Compression::Snappy),
    ("zstd", Compression::Zstd),
    ("none", Compression::None),
    ("", Compression::None),
];

const HTTP_WORDS: &[Word] = &[
    ("gzip", Compression::Gzip),
    ("zstd", Compression::Zstd),
    ("snappy", Compression::Snappy),
    ("x-snappy-framed", Compression::SnappyFramed),
    ("zlib", Compression::Zlib),
    ("deflate", Compression::Deflate),
    ("lz4", Compression::Lz4),
    ("none", Compression::None),
    ("", Compression::None),
];
