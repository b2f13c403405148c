//! `--replies`: believing no single node.

use std::time::Duration;

use super::desk::{Connected, Desk};
use crate::api::{Exit, addresses};
use crate::cli::error::CliError;
use crate::consensus::quorum;
use crate::types::TransactionId;
use crate::wallet::node::{Chain, NodeApi};
use crate::wallet::replies::{Agreed, Council, gather};

/// Whether replies are waited for, and whose.
#[derive(Debug, clap::Args)]
pub(super) struct Asking {
    /// Believe no single node: wait until so many authorities say that it is final that one of them is honest (pbft)
    #[arg(long)]
    pub replies: bool,
    /// Ask this node for its authority's reply too; may be given several times [default: all nodes of the devnet]
    #[arg(long, value_name = "URL", requires = "replies")]
    pub reply_from: Vec<String>,
}

impl Asking {
    /// Refuses where nobody signs replies.
    pub(super) fn fits(&self, chain: &Chain) -> Result<(), CliError> {
        if !self.replies || chain.engine == "pbft" {
            return Ok(());
        }
        let engine = crate::cli::output::plain(&chain.engine);
        Err(CliError::usage(format!(
            "--replies asks several authorities because one may lie, and under the rule {engine} none is expected to"
        ))
        .help("leave it out: --wait final is what this rule offers"))
    }

    /// Waits for replies, if they are wanted.
    pub(super) async fn gather<N: NodeApi>(
        &self,
        desk: &Desk<'_, N>,
        (connected, chain): (&Connected<N>, &Chain),
        id: &TransactionId,
        patience: Duration,
    ) -> Result<Option<Agreed>, CliError> {
        if !self.replies {
            return Ok(None);
        }
        let list = connected.api.authority_list().await.map_err(&connected.explain)?;
        let authorities = addresses(&list, &chain.prefix);
        let enough = quorum::faults(authorities.len()) + 1;
        let nodes = (desk.witnesses)(&self.reply_from)?;
        let may = format!("of {} authorities {} may lie", authorities.len(), enough - 1);
        if nodes.len() < enough {
            let message = format!(
                "{may}, so {enough} have to say the same, and only {} to ask",
                match nodes.len() {
                    1 => "1 node is known".to_owned(),
                    number => format!("{number} nodes are known"),
                }
            );
            return Err(CliError::new(Exit::Usage, "few_replies", message).help(format!(
                "transaction {id} was sent; name more nodes with --reply-from URL"
            )));
        }
        let council = Council { authorities: &authorities, enough };
        let gathered = gather(&nodes, desk.clock, (chain, id), council, patience).await;
        gathered.map(Some).map_err(|came| {
            let message = format!(
                "{may}, so {enough} have to say the same of transaction {id}; {came} said something, and not that"
            );
            CliError::new(Exit::Failed, "few_replies", message)
                .help("it may still become final: `assay chain tx ID` says how far it is at one node")
        })
    }
}
