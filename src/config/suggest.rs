//! Which word was meant: the nearest of the valid ones.

/// The word of `valid` that `word` is most likely a slip of.
pub(crate) fn nearest<'v>(word: &str, valid: impl IntoIterator<Item = &'v str>) -> Option<&'v str> {
    let shape = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    if MAX_WORD < word.len() {
        return None;
    }
    let word_shape = shape(word);
    let slips = (word_shape.chars().count() / 3).clamp(1, 3);
    valid
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word_shape, &shape(candidate)), candidate))
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean "x"?`, or the valid words where none is near.
pub(crate) fn hint(word: &str, valid: &[&str]) -> String {
    match nearest(word, valid.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if valid.is_empty() => "nothing is valid here".to_owned(),
        None => format!("valid here: {}", valid.join(", ")),
    }
}

/// No valid word is longer, and the distance costs the product of both lengths.
const MAX_WORD: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_far_one_is_not() {
        let valid = ["endpoint", "timeout", "otlp_grpc", "sending_queue"];
        for (word, expected) in [
            ("endpont", Some("endpoint")),
            ("Timeout", Some("timeout")),
            ("otlpgrpc", Some("otlp_grpc")),
            ("sending-queue", Some("sending_queue")),
            ("loki", None),
        ] {
            assert_eq!(nearest(word, valid), expected, "{word}");
        }
    }
}
