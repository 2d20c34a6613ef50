//! CPU presets: TOML files that describe a processor's TLBs, paging-structure caches and data
//! caches, and say of every number where it comes from.

mod advice;
mod build;
mod built_in;
mod citations;
mod cited;
mod error;
mod extend;
mod identity;
mod place;
mod print;
mod schema;
mod whole;

use std::{fs, path::Path};

use mmu_core::{CpuFeatures, TimedConfig};

pub use built_in::{BUILT_IN, DEFAULT};
pub use cited::{Cited, Tag};
pub use error::{Invalid, PresetError};
use extend::Known;
pub use identity::Identity;

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
    /// What tells it from others of its name.
    pub identity: Identity,
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
            let mut preset = Self::parse(name, &text)?;
            preset.identity.file = Some(name.into());
            return Ok(preset);
        }
        let (place, text) = built_in(name)?;
        let path = format!("the preset {name}");
        build::preset(text, Known(&BUILT_IN[..place]))
            .map_err(|located| PresetError::invalid(&path, text, located))
    }

    /// The preset that a text describes; `path` is its name in errors.
    ///
    /// # Errors
    /// [`PresetError::Invalid`] with the place in the text.
    pub fn parse(path: &str, text: &str) -> Result<Self, PresetError> {
        build::preset(text, Known(&BUILT_IN))
            .map_err(|located| PresetError::invalid(path, text, located))
    }
}

/// The text of a built-in preset.
///
/// # Errors
/// [`PresetError::Unknown`] with what might have been meant.
pub fn built_in_text(name: &str) -> Result<&'static str, PresetError> {
    built_in(name).map(|(_, text)| text)
}

/// The text of a built-in preset together with all that it extends: every number that it uses,
/// and no other.
///
/// # Errors
/// [`PresetError::Unknown`] with what might have been meant.
pub fn whole_text(name: &str) -> Result<String, PresetError> {
    let (place, text) = built_in(name)?;
    let tree = Known(&BUILT_IN[..place]).resolve(text);
    let tree = tree.map_err(|located| PresetError::invalid(name, text, located))?;
    Ok(print::document(tree.get_ref()))
}

/// Its place among the presets, and its text.
fn built_in(name: &str) -> Result<(usize, &'static str), PresetError> {
    let place = BUILT_IN.iter().position(|(known, _)| *known == name);
    place
        .map(|place| (place, BUILT_IN[place].1))
        .ok_or_else(|| PresetError::Unknown {
            name: name.into(),
            advice: advice_about(name),
        })
}

fn advice_about(name: &str) -> String {
    let names = BUILT_IN.map(|(known, _)| known);
    advice::close_to(name, &names).unwrap_or_else(|| {
        format!(
            "the presets are {}; `sim --cpu` takes a file of your own too, whose name ends in .toml",
            names.join(", ")
        )
    })
}

#[cfg(test)]
mod tests;
