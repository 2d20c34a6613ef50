//! When finding an entry again changes nothing.

use assoc::Replacement;
use tests::{Random, reference};

use super::every_qlru;

/// Whether, in a set that was used in some random way, a second hit on the same entry ever
/// changed something.
fn repeat_changes(replacement: Replacement, ways: usize) -> bool {
    let mut policy = reference::policy(replacement, ways);
    let mut random = Random::new(1);
    for way in 0..ways {
        policy.before_insertion();
        policy.inserted(way);
    }
    (0..3000).any(|_| {
        if random.below(3) == 0 {
            policy.before_insertion();
            let victim = policy.victim(&mut random);
            policy.inserted(victim);
        }
        let way = usize::try_from(random.below(ways as u64)).unwrap();
        policy.hit(way);
        let once = remembered(replacement, policy.as_ref());
        policy.hit(way);
        remembered(replacement, policy.as_ref()) != once
    })
}

/// What a policy remembers, but for clocks that only tell an order.
fn remembered(replacement: Replacement, policy: &dyn reference::Policy) -> String {
    let text = format!("{policy:?}");
    match replacement {
        Replacement::Mru3Plru4 | Replacement::Lru3Plru4 => {
            text.split("used").next().unwrap_or_default().to_string()
        }
        _ => text,
    }
}

#[test]
fn is_promised_only_by_policies_that_do_not_change() {
    let others = [
        (Replacement::TrueLru, 12),
        (Replacement::Fifo, 12),
        (Replacement::Random { seed: 1 }, 12),
        (Replacement::TreePlru, 8),
        (Replacement::Mru3Plru4, 12),
        (Replacement::Lru3Plru4, 12),
        (Replacement::Srrip { bits: 1 }, 12),
        (Replacement::Srrip { bits: 2 }, 12),
        (Replacement::Srrip { bits: 3 }, 12),
    ];
    let qlrus = every_qlru().into_iter().map(|qlru| (qlru, 6));
    for (replacement, ways) in others.into_iter().chain(qlrus) {
        let changes = repeat_changes(replacement, ways);
        assert!(
            !changes || !replacement.is_idle_on_repeat(),
            "{replacement}"
        );
    }
}

/// Some others never have the ages that would make a difference.
#[test]
fn is_denied_of_policies_that_change() {
    for name in [
        "qlru-h11-m1-r0-u0",
        "qlru-h00-m1-r0-u0",
        "qlru-h11-m1-r1-u2",
        "qlru-h00-m1-r1-u3",
        "qlru-h21-m2-r0-u0-umo",
    ] {
        let replacement: Replacement = name.parse().unwrap();
        assert!(!replacement.is_idle_on_repeat());
        assert!(repeat_changes(replacement, 6), "{name}");
    }
}
