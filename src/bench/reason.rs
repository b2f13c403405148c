//! Why a load came to nothing: a rate of 0 says nothing without it.

use crate::api::BenchLoad;

/// Why no payment became final; nothing where one did.
pub fn why_nothing(load: &BenchLoad) -> Option<String> {
    if load.settled > 0 {
        return None;
    }
    let most = |reasons: &std::collections::BTreeMap<String, u64>| {
        let most = reasons.iter().max_by_key(|(_, times)| **times);
        most.map(|(reason, times)| format!(": {reason} ({times} times)")).unwrap_or_default()
    };
    Some(match load {
        load if load.submitted == 0 && load.partial => {
            "it was stopped before the first payment left".into()
        }
        load if load.submitted == 0 => "no payment was sent".into(),
        load if load.accepted == 0 && load.refused > 0 => {
            format!("all payments were refused{}", most(&load.refusals))
        }
        load if load.accepted == 0 => {
            format!("no node answered when payments were sent{}", most(&load.failures))
        }
        load if load.unread.len() as u64 >= load.nodes && load.nodes > 0 => {
            "no node answered in the end: what became of the payments is known only as far as it was seen before".into()
        }
        load if !load.unread.is_empty() && load.included == 0 => format!(
            "{} of {} nodes did not answer in the end, and what they hold is not known",
            load.unread.len(),
            load.nodes
        ),
        load if load.included == 0 && load.lost > 0 => {
            "no payment is in a block, and nodes no longer have those that they took".into()
        }
        load if load.included == 0 => {
            "no payment is in a block: do the nodes make blocks, and do they hear each other?"
                .into()
        }
        load if load.partial => {
            "payments are in blocks, and it was stopped before one was final".into()
        }
        _ => "payments are in blocks, and none became final while it was waited for".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_has_a_reason() {
        let why = |load: &BenchLoad| why_nothing(load).unwrap();
        let mut load = BenchLoad { nodes: 4, ..BenchLoad::default() };
        assert!(why(&load).contains("no payment was sent"));
        load.partial = true;
        assert!(why(&load).contains("stopped before the first"));
        (load.partial, load.submitted, load.refused) = (false, 5, 5);
        load.refusals = [("the pool is full".to_owned(), 4), ("another".to_owned(), 1)].into();
        assert_eq!(why(&load), "all payments were refused: the pool is full (4 times)");
        (load.refused, load.unanswered) = (0, 5);
        load.failures = [("connection refused".to_owned(), 5)].into();
        assert!(
            why(&load).contains("no node answered") && why(&load).contains("connection refused")
        );
        load.accepted = 5;
        load.unread = vec!["node3".into()];
        assert!(why(&load).starts_with("1 of 4 nodes did not answer"));
        load.unread = vec!["node0".into(); 4];
        assert!(why(&load).starts_with("no node answered in the end"));
        load.unread.clear();
        assert!(why(&load).contains("do the nodes make blocks"));
        load.lost = 5;
        assert!(why(&load).contains("no longer have"));
        (load.lost, load.included) = (0, 5);
        assert!(why(&load).contains("none became final"));
        load.partial = true;
        assert!(why(&load).contains("stopped before one was final"));
        load.settled = 1;
        assert_eq!(why_nothing(&load), None);
    }
}
