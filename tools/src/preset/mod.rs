//! CPU presets: TOML files that describe a processor's TLBs, paging-structure caches and data
//! caches, and say of every number where it comes from.

mod build;
mod citations;
mod cited;
mod error;
mod schema;
mod whole;

use std::{fs, path::Path};

use mmu_core::{CpuFeatures, TimedConfig};

pub use cited::{Cited, Tag};
pub use error::{Invalid, PresetError};

/// The presets that are built in: name and text.
pub const BUILT_IN: [(&str, &str); 2] = [
    (
        "golden-cove",
        include_str!("../../presets/golden-cove.toml"),
    ),
    ("zen4", include_str!("../../presets/zen4.toml")),
];

/// The preset that is used when none is named.
pub const DEFAULT: &str = BUILT_IN[0].0;

/// A processor to model.
#[derive(Clone, Debug)]
pub struct Preset {
    /// Its short name.
    pub name: String,
    /// Its full name.
    pub title: String,
    /// What its paging can do.
    pub features: CpuFeatures,
    /// Its TLBs and caches.
    pub timed: TimedConfig,
    /// How well its numbers are known.
    pub assumptions: Assumptions,
}

/// How many numbers of a preset are known how well; those without a tag are not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// Measured on the processor.
    pub measured: u32,
    /// Stated by its maker.
    pub manual: u32,
    /// Assumed.
    pub assumed: u32,
}

impl Preset {
    /// The preset that `--cpu` names: a built-in one, or a file if the name has a slash in it
    /// or ends in `.toml`.
    ///
    /// # Errors
    /// [`PresetError`] if there is none, or it cannot be read or understood.
    pub fn load(name: &str) -> Result<Self, PresetError> {
        let is_toml = Path::new(name)
            .extension()
            .is_some_and(|extension| extension == "toml");
        if name.contains('/') || is_toml {
            let text = fs::read_to_string(name).map_err(|cause| PresetError::Read {
                path: name.into(),
                cause,
            })?;
            return Self::parse(name, &text);
        }
        let text = built_in_text(name)?;
        Self::parse(&format!("the preset {name}"), text)
    }

    /// The preset that a text describes; `path` is its name in errors.
    ///
    /// # Errors
    /// [`PresetError::Invalid`] with the place in the text.
    pub fn parse(path: &str, text: &str) -> Result<Self, PresetError> {
        build::preset(text).map_err(|located| PresetError::invalid(path, text, located))
    }
}

/// The text of a built-in preset.
///
/// # Errors
/// [`PresetError::Unknown`] with what might have been meant.
pub fn built_in_text(name: &str) -> Result<&'static str, PresetError> {
    let found = BUILT_IN.iter().find(|(known, _)| *known == name);
    found
        .map(|&(_, text)| text)
        .ok_or_else(|| PresetError::Unknown {
            name: name.into(),
            advice: advice(name),
        })
}

fn advice(name: &str) -> String {
    let likeness = |known: &str| strsim::jaro_winkler(&name.to_lowercase(), known);
    let names = BUILT_IN.map(|(known, _)| known);
    let close: Vec<_> = names
        .into_iter()
        .filter(|known| likeness(known) > 0.7)
        .collect();
    if close.is_empty() {
        format!(
            "the presets are {}; `sim --cpu` takes a file of your own too, whose name ends in .toml",
            names.join(", ")
        )
    } else {
        format!("did you mean {}?", close.join(" or "))
    }
}

#[cfg(test)]
mod tests;
