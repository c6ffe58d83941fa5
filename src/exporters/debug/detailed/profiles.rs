//! The `detailed` layout of profiles: the dictionary first, then the samples that point into it.

use std::fmt::{self, Display, Formatter, Result, Write};

use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::profiles::v1development::{KeyValueAndUnit, Profile, ProfilesDictionary, Sample};

use crate::exporters::debug::value::{Hex, Plain, Typed, time};

use super::{labelled, listed, resource, scope};

/// What the indexes of a profiles request mean.
#[derive(Clone, Copy)]
pub(in crate::exporters::debug) struct Dictionary<'a>(Option<&'a ProfilesDictionary>);

pub(in crate::exporters::debug) fn profiles(f: &mut Formatter<'_>, request: &ExportProfilesServiceRequest) -> Result {
    let dictionary = Dictionary::of(request);
    tables(f, dictionary)?;
    for (i, of_resource) in request.resource_profiles.iter().enumerate() {
        writeln!(f, "ResourceProfiles #{i}")?;
        resource(f, &of_resource.schema_url, of_resource.resource.as_ref())?;
        for (j, of_scope) in of_resource.scope_profiles.iter().enumerate() {
            writeln!(f, "ScopeProfiles #{j}\nScopeProfiles SchemaURL: {}", of_scope.schema_url)?;
            scope(f, of_scope.scope.as_ref())?;
            for (k, one) in of_scope.profiles.iter().enumerate() {
                writeln!(f, "Profile #{k}")?;
                profile(f, one, dictionary)?;
            }
        }
    }
    Ok(())
}

impl<'a> Dictionary<'a> {
    pub(in crate::exporters::debug) fn of(request: &'a ExportProfilesServiceRequest) -> Dictionary<'a> {
        Dictionary(request.dictionary.as_ref())
    }

    /// The attribute at `index`: key, `separator`, value; the index itself where there is none.
    pub(in crate::exporters::debug) fn attribute(self, index: i32, separator: &'static str) -> impl Display + 'a {
        let found = usize::try_from(index).ok().and_then(|at| self.0?.attribute_table.get(at));
        Attribute { dictionary: self, index, found, separator }
    }

    fn string(self, index: i32) -> Option<&'a str> {
        usize::try_from(index).ok().and_then(|at| self.0?.string_table.get(at)).map(String::as_str)
    }
}

fn tables(f: &mut Formatter<'_>, dictionary: Dictionary<'_>) -> Result {
    let Some(tables) = dictionary.0 else { return Ok(()) };
    for (index, mapping) in tables.mapping_table.iter().enumerate() {
        writeln!(f, "Mapping #{index}")?;
        writeln!(f, "    Memory start: {}", mapping.memory_start)?;
        writeln!(f, "    Memory limit: {}", mapping.memory_limit)?;
        writeln!(f, "    File offset: {}", mapping.file_offset)?;
        writeln!(f, "    File name: {}", mapping.filename_strindex)?;
        writeln!(f, "    Attributes: {}", Numbers(&mapping.attribute_indices))?;
    }
    for (index, location) in tables.location_table.iter().enumerate() {
        writeln!(f, "Location #{index}")?;
        writeln!(f, "    Mapping index: {}", location.mapping_index)?;
        writeln!(f, "    Address: {}", location.address)?;
        for (number, line) in location.lines.iter().enumerate() {
            writeln!(f, "    Line #{number}")?;
            writeln!(f, "        Function index: {}", line.function_index)?;
            writeln!(f, "        Line: {}", line.line)?;
            writeln!(f, "        Column: {}", line.column)?;
        }
        writeln!(f, "    Attributes: {}", Numbers(&location.attribute_indices))?;
    }
    for (index, function) in tables.function_table.iter().enumerate() {
        writeln!(f, "Function #{index}")?;
        writeln!(f, "    Name: {}", function.name_strindex)?;
        writeln!(f, "    System name: {}", function.system_name_strindex)?;
        writeln!(f, "    Filename: {}", function.filename_strindex)?;
        writeln!(f, "    Start line: {}", function.start_line)?;
    }
    listed(f, "Attribute table:", &tables.attribute_table, |f, _, one| {
        writeln!(f, "     -> {}: {}", Key(dictionary, one), Cut(Typed(one.value.as_ref())))
    })?;
    listed(f, "Link table:", &tables.link_table, |f, _, link| {
        writeln!(f, "     -> Trace ID: Str({})", Hex(&link.trace_id))?;
        writeln!(f, "     -> Span ID: Str({})", Hex(&link.span_id))
    })?;
    listed(f, "String table:", &tables.string_table, |f, _, text| writeln!(f, "    {text}"))
}

fn profile(f: &mut Formatter<'_>, profile: &Profile, dictionary: Dictionary<'_>) -> Result {
    labelled(f, "Profile ID", Hex(&profile.profile_id))?;
    labelled(f, "Start time", time(profile.time_unix_nano))?;
    labelled(f, "DurationNano", profile.duration_nano)?;
    labelled(f, "Dropped attributes count", profile.dropped_attributes_count)?;
    profile.samples.iter().enumerate().try_for_each(|(index, one)| sample(f, index, one, dictionary))
}

fn sample(f: &mut Formatter<'_>, index: usize, sample: &Sample, dictionary: Dictionary<'_>) -> Result {
    writeln!(f, "    Sample #{index}")?;
    writeln!(f, "        Values: {}", Numbers(&sample.values))?;
    listed(f, "        Attributes:", &sample.attribute_indices, |f, _, index| {
        writeln!(f, "             -> {}", dictionary.attribute(*index, ": "))
    })
}

struct Attribute<'a> {
    dictionary: Dictionary<'a>,
    index: i32,
    found: Option<&'a KeyValueAndUnit>,
    separator: &'static str,
}

impl Display for Attribute<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.found {
            Some(found) => {
                let value = Cut(Plain(found.value.as_ref()));
                write!(f, "{}{}{value}", Key(self.dictionary, found), self.separator)
            }
            None => write!(f, "#{}", self.index),
        }
    }
}

struct Key<'a>(Dictionary<'a>, &'a KeyValueAndUnit);

impl Display for Key<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0.string(self.1.key_strindex) {
            Some(key) => Cut(key).fmt(f),
            None => write!(f, "#{}", self.1.key_strindex),
        }
    }
}

/// Go's way to write a list of numbers: `[7 8]`.
struct Numbers<'a, T>(&'a [T]);

impl<T: Display> Display for Numbers<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_char('[')?;
        for (index, number) in self.0.iter().enumerate() {
            write!(f, "{}{number}", if index == 0 { "" } else { " " })?;
        }
        f.write_char(']')
    }
}

/// The beginning of a text: an index of two bytes must not write megabytes.
struct Cut<T>(T);

impl<T: Display> Display for Cut<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let mut rest = Rest { out: f, left: MAX_TEXT };
        // Ends early, with an error of its own, when nothing more fits.
        match write!(rest, "{}", self.0) {
            Err(_) if rest.left == 0 => f.write_str("..."),
            outcome => outcome,
        }
    }
}

struct Rest<'a, 'b> {
    out: &'a mut Formatter<'b>,
    left: usize,
}

impl Write for Rest<'_, '_> {
    fn write_str(&mut self, text: &str) -> Result {
        if text.len() <= self.left {
            self.left -= text.len();
            return self.out.write_str(text);
        }
        let fits = text.char_indices().map(|(at, _)| at).take_while(|&at| at <= self.left).last().unwrap_or(0);
        self.left = 0;
        self.out.write_str(&text[..fits])?;
        Err(fmt::Error)
    }
}

const MAX_TEXT: usize = 256;
