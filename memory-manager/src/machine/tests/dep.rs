use super::*;
use crate::{AddressLayout, DepFlags, DepPermanence, DepPolicy, ProcessDep};

const POLICIES: [DepPolicy; 4] = [
    DepPolicy::AlwaysOff,
    DepPolicy::AlwaysOn,
    DepPolicy::OptIn,
    DepPolicy::OptOut,
];

/// A machine with this policy and one process of 32 bits.
fn bench_of_32_bits(dep_policy: DepPolicy) -> Bench {
    let mut bench = Bench::with_config(&MachineConfig {
        dep_policy,
        ..MachineConfig::default()
    });
    bench.process = bench
        .machine
        .create_process_with(AddressLayout::TwoGiB)
        .unwrap();
    bench
}

impl Bench {
    fn choose(&mut self, flags: u32) -> Result<(), Status> {
        let flags = DepFlags::from_bits_retain(flags);
        self.machine.set_process_dep(self.process, flags)
    }

    /// Flags, and whether they stay.
    fn dep(&self) -> (u32, bool) {
        let ProcessDep { flags, permanence } = self.machine.process_dep(self.process).unwrap();
        (flags.bits(), permanence == DepPermanence::Permanent)
    }
}

/// Microsoft, "Data Execution Prevention".
#[test]
fn without_execution_prevention_what_can_be_read_can_be_executed() {
    let mut bench = bench_of_32_bits(DepPolicy::AlwaysOff);
    bench.alloc(BASE, 0x1000, BOTH, READWRITE).unwrap();
    assert_eq!(bench.execute(BASE), Ok(0));
    bench.write(BASE, 1).unwrap();
    bench.protect(BASE, 1, READONLY).unwrap();
    assert_eq!(bench.execute(BASE), Ok(1));
    bench.protect(BASE, 1, NOACCESS).unwrap();
    assert_eq!(bench.execute(BASE), violation(8, BASE));
}

/// Microsoft, "Data Execution Prevention", `SetProcessDEPPolicy` and `GetProcessDEPPolicy`.
#[test]
fn a_64_bit_process_is_prevented_under_any_policy() {
    for dep_policy in POLICIES {
        let mut bench = Bench::with_config(&MachineConfig {
            dep_policy,
            ..MachineConfig::default()
        });
        bench.alloc(BASE, 0x1000, BOTH, READWRITE).unwrap();
        assert_eq!(bench.execute(BASE), violation(8, BASE));
        let told = bench.machine.process_dep(bench.process);
        assert_eq!(told, Err(Status::NotSupported));
        for flags in [0, 1, 3] {
            assert_eq!(bench.choose(flags), Err(Status::NotSupported));
        }
    }
}

/// Microsoft, `GetSystemDEPPolicy`.
#[test]
fn the_systems_policy_decides_on_32_bit_processes() {
    for (value, prevents, stays) in [
        (0, false, true),
        (1, true, true),
        (2, false, false),
        (3, true, false),
    ] {
        let mut bench = bench_of_32_bits(POLICIES[value]);
        assert_eq!(bench.machine.dep_policy().value() as usize, value);
        assert_eq!(bench.dep(), (u32::from(prevents), stays));
        bench.alloc(BASE, 0x1000, BOTH, READWRITE).unwrap();
        let done = bench.execute(BASE);
        let expected = if prevents { violation(8, BASE) } else { Ok(0) };
        assert_eq!(done, expected);
    }
}

/// Microsoft, `SetProcessDEPPolicy`; with which error it fails under the policies that leave
/// no choice, and afterwards, is ReactOS's `MmSetExecuteOptions`.
#[test]
fn a_32_bit_process_chooses_for_good_where_the_system_lets_it() {
    for policy in [DepPolicy::AlwaysOff, DepPolicy::AlwaysOn] {
        let mut bench = bench_of_32_bits(policy);
        for flags in [0, 1, 3] {
            assert_eq!(bench.choose(flags), Err(Status::AccessDenied));
        }
    }
    for policy in [DepPolicy::OptIn, DepPolicy::OptOut] {
        let mut bench = bench_of_32_bits(policy);
        for flags in [2, 4, u32::MAX] {
            assert_eq!(bench.choose(flags), Err(Status::InvalidParameter));
        }
        bench.choose(0).unwrap();
        assert_eq!(bench.dep(), (0, false));
        bench.choose(3).unwrap();
        assert_eq!(bench.dep(), (3, true));
        for flags in [0, 1] {
            assert_eq!(bench.choose(flags), Err(Status::AccessDenied));
        }
        assert_eq!(bench.dep(), (3, true));
    }
}

#[test]
fn a_choice_holds_for_pages_that_are_in_use() {
    let mut bench = bench_of_32_bits(DepPolicy::OptOut);
    bench.alloc(BASE, 0x2000, BOTH, READWRITE).unwrap();
    bench.write(BASE, 1).unwrap();
    assert_eq!(bench.execute(BASE), violation(8, BASE));
    bench.choose(0).unwrap();
    assert_eq!(bench.execute(BASE), Ok(1));
    bench.choose(1).unwrap();
    assert_eq!(bench.execute(BASE), violation(8, BASE));
    bench.write(BASE, 2).unwrap();
    assert_eq!(bench.query(BASE).protection, READWRITE);
}
