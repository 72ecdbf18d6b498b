//! Asks Redis Sentinels which server is the master now.

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Value, cmd};

use super::settings::{self, Settings};
use super::{answer, failure};
use crate::endpoint::{Address, EndpointError, EndpointErrorKind as Kind};

/// The address of the server that is the master of this name, by the first Sentinel that knows one.
///
/// # Errors
/// When no Sentinel can be reached or none knows the name.
pub(super) async fn master(settings: &Settings, name: &str) -> Result<Address, EndpointError> {
    let mut last = None;
    for sentinel in sentinels(&settings.address) {
        match ask(settings, &sentinel, name).await {
            Ok(Some(master)) => return Ok(master),
            Ok(None) => last = Some(unknown(&sentinel, name)),
            // What another one said of the name says more than that this one is away.
            Err(error) => last = last.filter(|known| known.kind == Kind::NotFound).or(Some(error)),
        }
    }
    Err(last.unwrap_or_else(|| failure::no_greeting(&settings.address)))
}

/// Refuses a server that is not the master, as one is between the fall of a master and the vote for the next.
///
/// # Errors
/// When it is another's replica, or the connection breaks.
pub(super) async fn is_master(
    connection: &mut MultiplexedConnection,
    node: &Address,
) -> Result<(), EndpointError> {
    let role: Value =
        cmd("ROLE").query_async(connection).await.map_err(|error| failure::connect(&error, node))?;
    let role = answer::list(role).and_then(|role| role.into_iter().next()).and_then(answer::text);
    if role.as_deref() == Some("master") {
        return Ok(());
    }
    let message = format!("the Sentinels name `{}` as master, and it is a replica", node.authority());
    Err(EndpointError::new(Kind::Unreachable, message)
        .help("is the master being changed? try again in a while, or with `--connect-timeout 1m`"))
}

/// Each Sentinel by an address of its own, without what is meant for the master.
fn sentinels(address: &Address) -> Vec<Address> {
    let mut first = address.clone();
    first.credentials = None;
    first.options.retain(|(name, _)| ["ca", "cert", "key"].contains(&name.as_str()));
    let more = std::mem::take(&mut first.more_hosts);
    let mut all = vec![first.clone()];
    all.extend(more.iter().filter_map(|place| at(place, &first)));
    all
}

/// The address of `HOST:PORT`, everything else as in another.
fn at(place: &str, other: &Address) -> Option<Address> {
    let (host, port) = place.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']).to_owned();
    Some(Address { host, port: port.parse().ok()?, ..other.clone() })
}

async fn ask(settings: &Settings, sentinel: &Address, name: &str) -> Result<Option<Address>, EndpointError> {
    let client = settings::client_without_login(sentinel)?;
    let answer = match asked(settings, &client, name).await {
        // One that wants a password is told the one of the master, as is usual.
        Err(error) if error.code() == Some("NOAUTH") => {
            let credentials = settings.address.credentials.clone();
            let with_login = Address { credentials, ..sentinel.clone() };
            asked(settings, &settings.client_of(&with_login)?, name).await
        }
        other => other,
    };
    let answer = answer.map_err(|error| refused(&error, sentinel))?;
    let place = answer::list(answer).unwrap_or_default().into_iter().filter_map(answer::text);
    let [host, port] = &place.collect::<Vec<_>>()[..] else {
        return Ok(None);
    };
    let node = Address { more_hosts: Vec::new(), ..settings.address.clone() };
    Ok(at(&format!("{host}:{port}"), &node))
}

async fn asked(settings: &Settings, client: &Client, name: &str) -> redis::RedisResult<Value> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.connect_timeout))
        .set_response_timeout(Some(settings.connect_timeout));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    cmd("SENTINEL").arg("get-master-addr-by-name").arg(name).query_async(&mut connection).await
}

fn refused(error: &redis::RedisError, sentinel: &Address) -> EndpointError {
    if error.detail().is_some_and(|words| words.contains("unknown command")) {
        let message = format!("`{}` is a Redis server and no Sentinel", sentinel.authority());
        return EndpointError::new(Kind::Unsupported, message)
            .help("Sentinels listen on port 26379 as a rule; without `sentinel=NAME` the server is spoken to itself");
    }
    failure::connect(error, sentinel)
}

fn unknown(sentinel: &Address, name: &str) -> EndpointError {
    let message = format!("the Sentinel at `{}` knows no master `{name}`", sentinel.authority());
    let (host, port) = (&sentinel.host, sentinel.port);
    EndpointError::new(Kind::NotFound, message)
        .help(format!("`redis-cli -h {host} -p {port} SENTINEL MASTERS` lists those it knows"))
}

#[cfg(test)]
mod tests {
    use super::{sentinels, unknown};
    use crate::endpoint::Address;

    #[test]
    fn the_sentinel_that_was_asked_is_named() {
        let address = Address::parse("redis://a:26380,b:5000/s?sentinel=main").expect("an address");
        let help = |sentinel: &Address| unknown(sentinel, "main").help.expect("help");
        let told: Vec<String> = sentinels(&address).iter().map(help).collect();
        assert!(told[0].contains("-h a -p 26380 ") && told[1].contains("-h b -p 5000 "), "{told:?}");
    }
}
