//! A corpus of hostile spellings, the registries' borders, and what a list lets through.

use super::*;

fn refused(host: &str) -> bool {
    Allow::default().check_literal(host).is_err()
}

#[test]
fn hostile_spellings_of_addresses_are_seen_through() {
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0X7F.0X0.0X0.0X1",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:169.254.169.254]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::8.8.8.8]",
        "[2002:7f00:1::]",
        "[2002:808:808::]",
        "[2001::1]",
        "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fd00:ec2::254]",
        "[fc00::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[2001:db8::1]",
        "[3fff::1]",
        "[5f00::1]",
        "[100::1]",
        "[4000::1]",
        "10.1.2.3",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "203.0.113.9",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
    ] {
        assert!(refused(host), "{host} is let through");
    }
}

#[test]
fn public_addresses_pass() {
    for host in [
        "1.1.1.1",
        "8.8.8.8",
        "0x08080808",
        "172.32.0.1",
        "172.15.255.255",
        "100.63.255.255",
        "100.128.0.1",
        "192.0.0.9",
        "192.0.1.1",
        "198.20.0.1",
        "192.31.196.1",
        "223.255.255.255",
        "[2606:4700::1111]",
        "[2001:4860:4860::8888]",
        "[64:ff9b::8.8.8.8]",
        "[::ffff:8.8.8.8]",
        "[2001:20::1]",
        "[2001:1::1]",
        "[2001:200::1]",
    ] {
        assert!(!refused(host), "{host} is refused");
    }
}

#[test]
fn what_is_no_address_is_left_to_who_resolves_it() {
    for host in ["localhost", "example.org", "1.2.3.4.5", "256.1.1.1", "0x7g", "1..3", "a.1", "", "08"] {
        assert_eq!(literal(host), None, "{host}");
    }
    assert_eq!(literal("1.2"), Some("1.0.0.2".parse().unwrap()));
}

#[test]
fn a_list_names_hosts_addresses_and_networks() {
    let allow = Allow::parse(["127.0.0.0/8", "radio.local", "fd00::/8", "10.9.8.7", "::1"]).unwrap();
    let check = |host: &str, address: &str| allow.check(host, address.parse().unwrap()).is_ok();
    assert!(check("127.0.0.1", "127.0.0.1") && check("x", "127.255.0.1") && check("x", "::ffff:127.0.0.1"));
    assert!(check("radio.local", "192.168.7.7") && check("RADIO.local.", "192.168.7.7"));
    assert!(!check("other.local", "192.168.7.7") && !check("evil.radio.local", "192.168.7.7"));
    assert!(check("x", "fd12::1") && check("x", "10.9.8.7") && check("x", "::1"));
    assert!(!check("x", "fc00::1") && !check("x", "10.9.8.6") && !check("x", "::2") && !check("x", "64:ff9b::7f00:1"));
    let refused = Allow::default().check("x", "10.0.0.1".parse().unwrap()).unwrap_err();
    assert_eq!(refused.to_string(), "10.0.0.1 is not globally routable (private); if it may be called, name it in channels.allow");
    let everything = Allow::parse(["0.0.0.0/0", "::/0"]).unwrap();
    assert!(everything.check("x", "169.254.169.254".parse().unwrap()).is_ok());
}

#[test]
fn entries_that_mean_nothing_are_refused() {
    for entry in ["", "10.0.0.1/8", "10.0.0.0/33", "::/129", "a b", "*.example.org", "http://x", "127.1", "x..y", "10.0.0.0/x"] {
        assert_eq!(Allow::parse([entry]), Err(InvalidEntry(entry.to_owned())), "{entry}");
    }
    assert_eq!(Network::parse("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
    assert_eq!(Network::parse("fd00::/8").unwrap().to_string(), "fd00::/8");
}
