//! Carrying out what was asked for at the keyboard, as the commands of `assay devnet` do.

use super::model::Command;
use crate::api::DevnetLinks;
use crate::cli::devnet::{faults, show};
use crate::devnet::{
    DevnetError, Directory, Ending, Lock, NodeDirectory, NodeProgram, Ports, Started, end, grow,
    links, pause, resume, start,
};

/// What became of a command.
#[derive(Debug)]
pub(super) struct Done {
    /// The node it was for, by index.
    pub(super) node: Option<usize>,
    /// What to tell.
    pub(super) said: Vec<String>,
    /// Processes that were started, to be looked after.
    pub(super) started: Vec<Started>,
}

/// Carries out a command on nodes; how it went is told, not returned: a devnet goes on when one of its nodes does not.
pub(super) async fn perform(directory: &Directory, command: Command) -> Done {
    let node = match command {
        Command::Kill(node) | Command::Pause(node) | Command::Resume(node) => Some(node),
        Command::Restart(node) => Some(node),
        Command::Add | Command::Partition(..) | Command::Heal | Command::Stop { .. } => None,
    };
    let mut done = Done { node, said: Vec::new(), started: Vec::new() };
    if let Err(error) = carry_out(directory, command, &mut done).await {
        done.said.push(match error.help() {
            Some(help) => format!("{error}\n{help}"),
            None => error.to_string(),
        });
    }
    done
}

async fn carry_out(
    directory: &Directory,
    command: Command,
    done: &mut Done,
) -> Result<(), DevnetError> {
    let waiting = directory.clone();
    // Another command may keep the directory for seconds, and taking the lock blocks.
    let lock = tokio::task::spawn_blocking(move || waiting.lock())
        .await
        .unwrap_or_else(|_| Err(DevnetError::Busy(directory.path().to_owned())))?;
    match command {
        Command::Kill(index) => {
            let node = directory.node(index);
            let nodes = std::slice::from_ref(&node);
            if end(nodes, Ending::Kill, std::future::pending()).await?.is_empty() {
                return Err(DevnetError::NotRunning(node.name));
            }
        }
        Command::Pause(index) => {
            let node = directory.node(index);
            pause(&node).await?;
            done.said.push(format!("{} stands still; p lets it go on", node.name));
        }
        Command::Resume(index) => {
            let node = directory.node(index);
            resume(&node).await?;
            done.said.push(format!("{} goes on", node.name));
            // What was said while it stood still, it has not heard.
            links::apply(directory, &directory.existing()?, &Ports).await?;
        }
        Command::Restart(index) => restart(directory, directory.node(index), done).await?,
        Command::Add => add(directory, &lock, done).await?,
        Command::Partition(ones, others) => {
            let names =
                |group: Vec<usize>| group.into_iter().map(|i| directory.node(i).name).collect();
            let partition = vec![names(ones), names(others)];
            done.said.push(format!("{}: nothing passes between them", show::groups(&partition)));
            connect(directory, &lock, partition).await?;
        }
        Command::Heal => {
            let before = directory.links()?.partition;
            done.said.push(match before.is_empty() {
                true => "there is no partition".to_owned(),
                false => format!("healed: {} hear each other", show::groups(&before)),
            });
            connect(directory, &lock, Vec::new()).await?;
        }
        // Who drives the view stops it.
        Command::Stop { .. } => {}
    }
    Ok(())
}

/// Parts the nodes in these groups, or in none; shapes of links stay.
async fn connect(
    directory: &Directory,
    lock: &Lock,
    partition: Vec<Vec<String>>,
) -> Result<(), DevnetError> {
    let links = DevnetLinks { partition, ..directory.links()? };
    directory.write_links(&links, lock)?;
    links::apply(directory, &directory.existing()?, &Ports).await
}

async fn restart(
    directory: &Directory,
    node: NodeDirectory,
    done: &mut Done,
) -> Result<(), DevnetError> {
    let Some(run) = node.run()? else { return Err(DevnetError::NeverStarted(node.name)) };
    let (program, marker) = (NodeProgram::own()?, directory.existing()?);
    let all = directory.nodes(&marker);
    end(std::slice::from_ref(&node), Ending::Restart, std::future::pending()).await?;
    let crew = start(&program, directory, &all, &[(node, run.launch)], &Ports).await?;
    done.said.extend(crew.warnings.into_iter().map(|warning| format!("warning: {warning}")));
    done.started = crew.started;
    faults::tell(directory, &marker).await
}

async fn add(directory: &Directory, lock: &Lock, done: &mut Done) -> Result<(), DevnetError> {
    let program = NodeProgram::own()?;
    let growth = grow(directory, lock, false)?;
    let all = directory.nodes(&growth.marker);
    let launches = [(growth.node.clone(), growth.launch.clone())];
    let crew = match start(&program, directory, &all, &launches, &Ports).await {
        Ok(crew) => crew,
        Err(error) => {
            // Why it did not start says more than what is met while cleaning up.
            let _ = growth.undo(directory, lock);
            return Err(error);
        }
    };
    done.said.extend(crew.warnings.into_iter().map(|warning| format!("warning: {warning}")));
    done.started = crew.started;
    done.said.push(format!("{} has joined", growth.node.name));
    faults::tell(directory, &growth.marker).await
}
