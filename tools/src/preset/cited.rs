use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        Error, IntoDeserializer, MapAccess, Visitor,
        value::{
            BoolDeserializer, F64Deserializer, I64Deserializer, MapAccessDeserializer,
            StrDeserializer,
        },
    },
};

/// How well a number is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tag {
    /// Measured on the processor.
    Measured,
    /// Stated by its maker, in a manual or by CPUID.
    Manual,
    /// Nobody has published it.
    Assumed,
}

/// A value of a preset with where it comes from.
///
/// In TOML `{ value = 96, tag = "measured", source = "memlat" }`, or just the value in a file
/// that makes no claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cited<T> {
    /// The value.
    pub value: T,
    /// Its tag, and the name of its source among the file's sources.
    pub citation: Option<(Tag, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table<T> {
    value: T,
    tag: Tag,
    source: String,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Cited<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CitedVisitor(PhantomData))
    }
}

struct CitedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for CitedVisitor<T> {
    type Value = Cited<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, or { value = ..., tag = ..., source = ... }")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Cited {
            value: table.value,
            citation: Some((table.tag, table.source)),
        })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        let deserializer: I64Deserializer<E> = value.into_deserializer();
        bare(deserializer)
    }

    /// No value is one, but what is expected instead is the value's to say.
    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        let deserializer: F64Deserializer<E> = value.into_deserializer();
        bare(deserializer)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        let deserializer: StrDeserializer<'_, E> = value.into_deserializer();
        bare(deserializer)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        let deserializer: BoolDeserializer<E> = value.into_deserializer();
        bare(deserializer)
    }
}

fn bare<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Cited<T>, D::Error> {
    Ok(Cited {
        value: T::deserialize(deserializer)?,
        citation: None,
    })
}
