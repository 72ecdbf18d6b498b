//! TARGET and SOURCE arguments into addresses: a URL, a path, `-`, or a channel of the workspace's contract.

use std::path::Path;

use super::{CommandError, Context};
use crate::contract::{Channel, Contract, Loaded};
use crate::endpoint::address::Scheme;
use crate::endpoint::ahead::Ahead;
use crate::endpoint::{Address, Credentials, SinkOptions, SourceOptions, mask};
use crate::replay::preflight::Caps;
use crate::settings::{Access, EMBEDDED_ADDRESS, Environment, EnvironmentSettings, Workspace};

/// An argument made into something that can be opened.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where it is.
    pub address: Address,
    /// What the workspace says about opening it.
    pub access: Option<Access>,
    /// The protected environment it belongs to.
    pub protected: Option<String>,
    /// The address of the channel, when it is known.
    pub channel: Option<String>,
    /// The most that one run may send to it, as its environments say.
    pub limits: Caps,
    /// Bytes that its channels take at once, where they were asked.
    pub at_once: Option<u64>,
    /// What is sent there carries the marks of its run.
    pub marked: bool,
    /// A connection for sending that was begun.
    pub ahead: Option<Ahead>,
}

impl Place {
    /// An address of which the workspace says nothing.
    #[must_use]
    pub fn at(address: Address) -> Self {
        let limits = Caps::default();
        Self {
            address,
            access: None,
            protected: None,
            channel: None,
            limits,
            at_once: None,
            marked: false,
            ahead: None,
        }
    }

    /// The address and how it is opened for reading. Files are read and programs run that hold what the workspace has for
    /// it.
    ///
    /// # Errors
    /// When a variable is not set, a file cannot be read, or a program fails.
    pub fn for_reading(&self, environment: &Environment) -> Result<(Address, SourceOptions), CommandError> {
        let (address, credentials) = self.unlock(environment)?;
        Ok((address, SourceOptions { credentials, ..SourceOptions::default() }))
    }

    /// The address and how it is opened for writing; see [`Place::for_reading`].
    ///
    /// # Errors
    /// When a variable is not set, a file cannot be read, or a program fails.
    pub fn for_writing(&self, environment: &Environment) -> Result<(Address, SinkOptions), CommandError> {
        let (address, credentials) = self.unlock(environment)?;
        let (at_once, marked, ahead) = (self.at_once, self.marked, self.ahead.clone());
        Ok((address, SinkOptions { credentials, at_once, marked, ahead, ..SinkOptions::default() }))
    }

    /// The address with the options the workspace has for it, and the credentials.
    ///
    /// # Errors
    /// When a variable is not set, a file cannot be read, or a program fails.
    pub fn unlock(&self, environment: &Environment) -> Result<(Address, Option<Credentials>), CommandError> {
        let mut address = self.address.clone();
        let credentials = match &self.access {
            Some(access) => access.unlock(&mut address, environment)?,
            None => None,
        };
        Ok((address, credentials))
    }

    /// Refuses to write to a protected environment unless its name was given.
    ///
    /// # Errors
    /// When the name is missing or another.
    pub fn confirm(&self, given: Option<&str>) -> Result<(), CommandError> {
        let Some(name) = &self.protected else {
            return Ok(());
        };
        if given == Some(name) {
            return Ok(());
        }
        let message = match given {
            Some(given) => format!("`{given}` does not confirm the protected environment `{name}`"),
            None => format!("`{}` belongs to the protected environment `{name}`", self.address),
        };
        Err(CommandError::usage(message).hint(format!("add `--confirm {name}` if you mean it")))
    }
}

/// What arguments are looked up in: the workspace, its contract and one of its environments.
#[derive(Debug)]
pub struct Places<'a> {
    context: &'a Context,
    workspace: Option<Workspace>,
    loaded: Option<Loaded>,
}

/// What an argument is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Read,
    Write,
}

impl<'a> Places<'a> {
    /// Finds the workspace and reads its contract.
    ///
    /// # Errors
    /// When there is a workspace that cannot be used.
    pub fn new(context: &'a Context) -> Result<Self, CommandError> {
        let workspace = context.workspace()?;
        let loaded = match &workspace {
            Some(workspace) => {
                Some(crate::contract::load(&workspace.documents()?, &crate::source_text::Limits::default()))
            }
            None => None,
        };
        Ok(Self { context, workspace, loaded })
    }

    /// The contract of the workspace, with what is needed to follow its references.
    #[must_use]
    pub fn loaded(&self) -> Option<&Loaded> {
        self.loaded.as_ref()
    }

    /// The place events are read from.
    ///
    /// # Errors
    /// When the argument is nothing that can be read from.
    pub fn source(&self, text: &str) -> Result<Place, CommandError> {
        self.resolve(text, Use::Read)
    }

    /// The place events are sent to.
    ///
    /// # Errors
    /// When the argument is nothing that can be sent to.
    pub fn target(&self, text: &str) -> Result<Place, CommandError> {
        self.resolve(text, Use::Write)
    }

    /// A server that is to be asked about itself.
    ///
    /// # Errors
    /// When environments say different things of how it is opened.
    pub fn server(&self, address: Address) -> Result<Place, CommandError> {
        let access = self.access_of(&address)?;
        Ok(Place { access, ..Place::at(address) })
    }

    fn resolve(&self, text: &str, purpose: Use) -> Result<Place, CommandError> {
        let address = Address::parse(text)?;
        let is_name = address.scheme == Scheme::File && !text.starts_with("file:");
        if !is_name {
            let protected = self.protected_owner(&address);
            let channel = named_channel(&address).filter(|name| !name.is_empty()).map(str::to_owned);
            let (access, limits) = (self.access_of(&address)?, self.limits_of(&address));
            return Ok(Place { access, protected, channel, limits, ..Place::at(address) });
        }
        if let Some((channel, wanted)) = self.channel(text) {
            return self.channel_place(channel, &wanted, purpose);
        }
        if is_path(text) || (purpose == Use::Read && Path::new(text).exists()) {
            return Ok(Place::at(address));
        }
        // An environment that is not there comes first: its channels cannot be known.
        if let (Some(workspace), Some(chosen)) = (&self.workspace, self.context.global.env.as_deref()) {
            workspace.environment(Some(chosen))?;
        }
        Err(self.unknown(text, purpose))
    }

    /// The channel an argument names, by identifier or address, with the address to use for it.
    fn channel(&self, text: &str) -> Option<(&Channel, String)> {
        let channels = || self.loaded.iter().flat_map(|loaded| channels(&loaded.contract));
        let by_name =
            channels().find(|channel| channel.id == text || channel.address.as_deref() == Some(text));
        if let Some(channel) = by_name {
            return Some((channel, channel.address.clone().unwrap_or_else(|| channel.id.clone())));
        }
        let fits = |channel: &&Channel| {
            channel.address.as_deref().is_some_and(|template| template_fits(template, text))
        };
        channels().find(fits).map(|channel| (channel, text.to_owned()))
    }

    fn channel_place(&self, channel: &Channel, wanted: &str, purpose: Use) -> Result<Place, CommandError> {
        let (workspace, name, environment) = self.environment(wanted)?;
        let server = server_of(channel, environment).ok_or_else(|| {
            let known = environment.servers.keys().map(|each| format!("`{each}`")).collect::<Vec<_>>();
            CommandError::usage(format!("environment `{name}` has no server for channel `{wanted}`"))
                .hint(format!("it has {}; the channel names {:?}", known.join(", "), channel.servers))
        })?;
        let text = match environment.servers[server].url.as_str() {
            "embedded" => EMBEDDED_ADDRESS.to_owned(),
            other => workspace.expand(other, &self.context.environment)?,
        };
        let mut address = Address::parse(&text)?;
        let filled = match purpose {
            // A stream key has no wildcards.
            Use::Read if address.scheme != Scheme::Redis => with_wildcards(wanted, address.scheme),
            _ if wanted.contains('{') => {
                return Err(CommandError::usage(format!("channel `{wanted}` has parameters in its address"))
                    .hint("write the address with values, such as `orders/42` for `orders/{id}`"));
            }
            _ => wanted.to_owned(),
        };
        let names_stream = address.scheme == Scheme::JetStream && !address.path.is_empty();
        match purpose {
            Use::Read if names_stream => address.options.push(("subject".to_owned(), filled.clone())),
            // Each event then goes to its own channel, which the stream must keep.
            Use::Write if names_stream => {}
            // The path of an AMQP address is the exchange; a channel is a routing key there.
            _ if address.scheme == Scheme::Amqp => {
                address.options.retain(|(name, _)| name != "routing-key");
                address.options.push(("routing-key".to_owned(), filled.clone()));
            }
            _ => address.path.clone_from(&filled),
        }
        let access = Some(workspace.access(&name, environment, server));
        // The same server may be that of another environment, too.
        let protected = environment.protected.then_some(name).or_else(|| self.protected_owner(&address));
        let limits = environment.limits.caps().lower(self.limits_of(&address));
        Ok(Place { access, protected, channel: Some(filled), limits, ..Place::at(address) })
    }

    fn environment(&self, channel: &str) -> Result<(&Workspace, String, &EnvironmentSettings), CommandError> {
        let Some(workspace) = &self.workspace else {
            return Err(CommandError::usage(format!("there is no workspace for channel `{channel}`"))
                .hint("`eddy init` writes one"));
        };
        match workspace.environment(self.context.global.env.as_deref())? {
            Some((name, environment)) => Ok((workspace, name, environment)),
            None => Err(CommandError::usage(format!("no environment was chosen for channel `{channel}`"))
                .hint(format!(
                    "add `--env NAME`, or `default: true` to one in `{}`",
                    workspace.file().display()
                ))),
        }
    }

    /// The protected environment that has a server at a host and port of this address.
    fn protected_owner(&self, address: &Address) -> Option<String> {
        let mut owners = self.owners(|server| address.shares_a_host(server));
        owners.find(|(_, environment, _)| environment.protected).map(|(name, ..)| name.to_owned())
    }

    /// The lowest limits of the environments that have a server at a host and port of this address.
    fn limits_of(&self, address: &Address) -> Caps {
        let owners = self.owners(|server| address.shares_a_host(server));
        owners.fold(Caps::default(), |caps, (_, environment, _)| caps.lower(environment.limits.caps()))
    }

    /// What the workspace says about the server at this host and port: in the chosen environment, else in the default one, else
    /// in whichever has it. A secret that is meant for an encrypted connection is not sent over another, and none to a host
    /// that is not the server's.
    ///
    /// # Errors
    /// When environments of which none was chosen say different things: who we are is not left to their names.
    fn access_of(&self, address: &Address) -> Result<Option<Access>, CommandError> {
        let Some(workspace) = self.workspace.as_ref().filter(|_| is_network(address)) else {
            return Ok(None);
        };
        let fits = |server: &Address| address.is_within(server) && (address.tls || !server.tls);
        let owners: Vec<_> = self.owners(fits).collect();
        let chosen = self.context.global.env.as_deref();
        let default = workspace.environment(None)?.map(|(name, _)| name);
        let of = |wanted: Option<&str>| owners.iter().find(|(name, ..)| wanted == Some(*name));
        let Some(owner) = of(chosen).or_else(|| of(default.as_deref())).or(owners.first()) else {
            return Ok(None);
        };
        let access = |(name, environment, server): &(&str, &EnvironmentSettings, &str)| {
            workspace.access(name, environment, server)
        };
        let found = access(owner);
        let is_chosen = [chosen, default.as_deref()].contains(&Some(owner.0));
        let is_open = !is_chosen && address.credentials.is_none();
        if is_open && !owners.iter().all(|other| access(other).opens_like(&found)) {
            let mut names: Vec<&str> = owners.iter().map(|(name, ..)| *name).collect();
            names.dedup();
            let message =
                format!("`{address}` is a server of several environments, which open it differently");
            return Err(CommandError::usage(message)
                .hint(format!("say which one is meant with `--env NAME`: {}", list(&names))));
        }
        Ok(Some(found))
    }

    /// The servers of the workspace whose address fits: environment, its settings, name.
    fn owners(
        &self,
        fits: impl Fn(&Address) -> bool,
    ) -> impl Iterator<Item = (&str, &EnvironmentSettings, &str)> {
        let workspace = self.workspace.iter();
        let servers = workspace.flat_map(|workspace| {
            workspace.settings.environments.iter().flat_map(move |(name, environment)| {
                let servers = environment.servers.iter();
                servers
                    .map(move |(server, own)| (workspace, name.as_str(), environment, server.as_str(), own))
            })
        });
        servers.filter_map(move |(workspace, name, environment, server, own)| {
            let text = match own.url.as_str() {
                "embedded" => EMBEDDED_ADDRESS.to_owned(),
                other => workspace.expand(other, &self.context.environment).ok()?,
            };
            let found = Address::parse(&text).ok()?;
            (is_network(&found) && fits(&found)).then_some((name, environment, server))
        })
    }

    fn unknown(&self, text: &str, purpose: Use) -> CommandError {
        // A URL with a slip in its scheme ends here too, with its password.
        let text = &mask(text);
        let Some(loaded) = &self.loaded else {
            return CommandError::usage(match purpose {
                Use::Read => {
                    format!("`{text}` is no file, and there is no workspace with a channel of that name")
                }
                Use::Write => {
                    format!("`{text}` is no URL, and there is no workspace with a channel of that name")
                }
            })
            .hint("write a URL such as `mqtt://host:1883/topic`, a path such as `./events.ndjson`, or `-`")
            .hint("channel names need a workspace: `eddy init`, or `--workspace DIR`");
        };
        let names: Vec<&str> = channels(&loaded.contract)
            .flat_map(|channel| std::iter::once(channel.id.as_str()).chain(channel.address.as_deref()))
            .collect();
        let near = crate::diagnostic::nearest(text, names.iter().copied());
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "the contracts of this workspace have no channel".to_owned(),
            None => format!("channels are {}", list(&names)),
        };
        CommandError::usage(format!("`{text}` is neither a channel of this workspace nor a URL nor a path"))
            .hint(hint)
            .hint("write a path as `./NAME`")
    }
}

/// Every channel of every document.
pub fn channels(contract: &Contract) -> impl Iterator<Item = &Channel> {
    contract.documents.iter().flat_map(|document| &document.channels)
}

fn list(names: &[&str]) -> String {
    let mut unique: Vec<&str> = names.to_vec();
    unique.sort_unstable();
    unique.dedup();
    let shown: Vec<String> = unique.iter().take(12).map(|name| format!("`{name}`")).collect();
    let more = if unique.len() > 12 { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

pub(super) fn is_network(address: &Address) -> bool {
    !matches!(address.scheme, Scheme::File | Scheme::Stdio | Scheme::Memory)
}

/// The channel an address names: its path, or with AMQP, where that is the exchange, the routing key.
fn named_channel(address: &Address) -> Option<&str> {
    match address.scheme {
        Scheme::Amqp => address.option("routing-key").or_else(|| address.option("queue")),
        _ => is_network(address).then_some(address.path.as_str()),
    }
}

/// Whether a text without a scheme is meant as a path: by where it points or by how it ends.
pub fn is_path(text: &str) -> bool {
    let path = Path::new(text);
    let points = path.is_absolute() || text.starts_with("./") || text.starts_with("../");
    let extension = path.extension().and_then(|extension| extension.to_str());
    points || extension.is_some_and(|extension| matches!(extension, "ndjson" | "jsonl" | "json" | "zst"))
}

/// The name of the environment's server for a channel: one the channel names, else the only one, else `main`.
fn server_of<'a>(channel: &'a Channel, environment: &'a EnvironmentSettings) -> Option<&'a str> {
    let servers = &environment.servers;
    let named = channel.servers.iter().find(|name| servers.contains_key(*name));
    let only = servers.keys().next().filter(|_| servers.len() == 1);
    named.or(only).map(String::as_str).or_else(|| servers.contains_key("main").then_some("main"))
}

/// Whether `orders/{id}/paid` stands for `orders/42/paid`; a parameter is one level, never empty.
#[must_use]
pub fn template_fits(template: &str, address: &str) -> bool {
    if !template.contains('{') {
        return template == address;
    }
    let separators: &[char] = if template.contains('/') { &['/'] } else { &['.'] };
    let (mut left, mut right) = (template.split(separators), address.split(separators));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(part), Some(value)) if level_fits(part, value) => {}
            _ => return false,
        }
    }
}

fn level_fits(part: &str, value: &str) -> bool {
    let Some((before, rest)) = part.split_once('{') else {
        return part == value;
    };
    let Some((_, after)) = rest.split_once('}') else {
        return part == value;
    };
    let inner = value.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    inner.is_some_and(|inner| !inner.is_empty())
}

/// The address with each level that holds a parameter replaced by the system's wildcard for one level. Over HTTP what
/// lies before the first parameter is enough: a receiver takes everything below it.
pub(super) fn with_wildcards(address: &str, scheme: Scheme) -> String {
    if scheme == Scheme::Http {
        let fixed = address.split('/').take_while(|level| !level.contains('{'));
        return fixed.collect::<Vec<_>>().join("/");
    }
    let (separator, wildcard) = if scheme == Scheme::Mqtt { ("/", "+") } else { (".", "*") };
    let levels = address.split(separator).map(|level| if level.contains('{') { wildcard } else { level });
    levels.collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::{Address, Scheme, is_path, named_channel, template_fits, with_wildcards};

    #[test]
    fn parameters_stand_for_one_level() {
        assert!(template_fits("orders/{id}/paid", "orders/42/paid"));
        assert!(template_fits("orders.v{version}", "orders.v2"));
        assert!(!template_fits("orders/{id}", "orders/"));
        assert!(!template_fits("orders/{id}", "orders/1/2"));
        assert!(!template_fits("orders", "order"));
        assert_eq!(with_wildcards("orders/{id}/paid", Scheme::Mqtt), "orders/+/paid");
        assert_eq!(with_wildcards("orders.{id}", Scheme::Nats), "orders.*");
        assert_eq!(with_wildcards("shop/{id}/paid", Scheme::Http), "shop");
    }

    #[test]
    fn the_channel_of_an_address_is_its_path_or_its_routing_key() {
        for (text, channel) in [
            ("mqtt://h/shop/orders", Some("shop/orders")),
            ("amqp://h/%2F/shop?routing-key=orders.new", Some("orders.new")),
            ("amqp://h/%2F?queue=orders", Some("orders")),
            ("amqp://h/%2F/shop", None),
            ("memory:x", None),
        ] {
            assert_eq!(named_channel(&Address::parse(text).expect(text)), channel, "{text}");
        }
    }

    #[test]
    fn paths_are_told_from_names() {
        assert!(
            is_path("./orders") && is_path("/tmp/x") && is_path("a.eddy.ndjson.zst") && is_path("x.json")
        );
        assert!(!is_path("orders") && !is_path("shop/orders") && !is_path("orders.created"));
    }
}
