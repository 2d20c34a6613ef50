//! `extends`: a file that says only what is different from a built-in preset.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::{
    advice,
    build::{Located, not_toml},
    error::Invalid,
};

/// The presets that a file may extend. A built-in one extends only those listed before it, so
/// that there is no circle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known(pub(super) &'static [(&'static str, &'static str)]);

impl Known {
    /// The text of the preset of this name.
    pub(super) fn text_of(self, name: &str) -> Option<&'static str> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|&(_, text)| text)
    }

    /// The text's values, and behind them those of the preset that it extends. What comes from
    /// there is placed where the text would say it: at its own table, or at `extends`.
    pub(super) fn resolve(self, text: &str) -> Result<Spanned<DeTable<'_>>, Located> {
        let mut tree = DeTable::parse(text).map_err(not_toml)?;
        let Some(extends) = tree.get_mut().remove("extends") else {
            return Ok(tree);
        };
        let at = extends.span();
        let DeValue::String(name) = extends.get_ref() else {
            return Err((at, Invalid::ExtendsNoName));
        };
        let Some(place) = self.0.iter().position(|(known, _)| known == name) else {
            let names: Vec<_> = self.0.iter().map(|&(known, _)| known).collect();
            let unknown = Invalid::ExtendsUnknown {
                name: name.to_string(),
                advice: advice::close_to(name, &names)
                    .unwrap_or_else(|| format!("the presets are {}", names.join(", "))),
            };
            return Err((at, unknown));
        };
        let inherited = Self(&self.0[..place]).resolve(self.0[place].1);
        let mut inherited = inherited
            .map_err(|(_, invalid)| (at.clone(), invalid))?
            .into_inner();
        // Another processor is called something else.
        inherited.remove("name");
        inherited.remove("title");
        inherit(tree.get_mut(), inherited, &at);
        Ok(tree)
    }
}

/// Tables are joined; a value with its citation is one thing, and so is a list.
fn inherit<'i>(own: &mut DeTable<'i>, inherited: DeTable<'i>, at: &Range<usize>) {
    for (key, value) in inherited {
        let Some(ours) = own.get_mut(key.get_ref().as_ref()) else {
            let key = Spanned::new(at.clone(), key.into_inner());
            own.insert(key, placed_at(value, at));
            continue;
        };
        let at = ours.span();
        if let (DeValue::Table(ours), DeValue::Table(theirs)) = (ours.get_mut(), value.into_inner())
            && !is_value(ours)
            && !is_value(&theirs)
        {
            inherit(ours, theirs, &at);
        }
    }
}

fn is_value(table: &DeTable<'_>) -> bool {
    table.contains_key("value")
}

fn placed_at<'i>(value: Spanned<DeValue<'i>>, at: &Range<usize>) -> Spanned<DeValue<'i>> {
    let value = match value.into_inner() {
        DeValue::Table(table) => {
            let placed = table.into_iter().map(|(key, value)| {
                let key = Spanned::new(at.clone(), key.into_inner());
                (key, placed_at(value, at))
            });
            DeValue::Table(placed.collect())
        }
        DeValue::Array(array) => {
            let placed = array.into_iter().map(|value| placed_at(value, at));
            DeValue::Array(placed.collect::<DeArray<'_>>())
        }
        scalar => scalar,
    };
    Spanned::new(at.clone(), value)
}
