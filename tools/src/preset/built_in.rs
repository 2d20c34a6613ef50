macro_rules! preset {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../presets/", $name, ".toml")),
        )
    };
}

/// The preset that is used when none is named.
pub const DEFAULT: &str = "golden-cove";

/// The presets that are built in: name and text. Each extends only earlier ones.
pub const BUILT_IN: [(&str, &str); 16] = [
    preset!("haswell"),
    preset!("skylake"),
    preset!("skylake-sp"),
    preset!("ice-lake"),
    preset!("tiger-lake"),
    preset!("rocket-lake"),
    preset!("ice-lake-sp"),
    preset!("golden-cove"),
    preset!("gracemont"),
    preset!("raptor-cove"),
    preset!("sapphire-rapids"),
    preset!("emerald-rapids"),
    preset!("zen2"),
    preset!("zen3"),
    preset!("zen4"),
    preset!("zen5"),
];
