use super::*;
use proptest::prelude::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn every_special_range_is_what_it_is_at_both_ends() {
    let ranges = [
        ("0.0.0.0", "0.255.255.255", Class::Unspecified),
        ("10.0.0.0", "10.255.255.255", Class::Private),
        ("100.64.0.0", "100.127.255.255", Class::SharedNat),
        ("127.0.0.0", "127.255.255.255", Class::Loopback),
        ("169.254.0.0", "169.254.255.255", Class::LinkLocal),
        ("169.254.169.254", "169.254.169.254", Class::Metadata),
        ("169.254.170.2", "169.254.170.2", Class::Metadata),
        ("100.100.100.200", "100.100.100.200", Class::Metadata),
        ("168.63.129.16", "168.63.129.16", Class::Metadata),
        ("192.0.0.192", "192.0.0.192", Class::Metadata),
        ("172.16.0.0", "172.31.255.255", Class::Private),
        ("192.0.0.0", "192.0.0.255", Class::Reserved),
        ("192.0.2.0", "192.0.2.255", Class::Documentation),
        ("192.88.99.0", "192.88.99.255", Class::Translation),
        ("192.168.0.0", "192.168.255.255", Class::Private),
        ("198.18.0.0", "198.19.255.255", Class::Benchmarking),
        ("198.51.100.0", "198.51.100.255", Class::Documentation),
        ("203.0.113.0", "203.0.113.255", Class::Documentation),
        ("224.0.0.0", "239.255.255.255", Class::Multicast),
        ("240.0.0.0", "255.255.255.254", Class::Reserved),
        ("255.255.255.255", "255.255.255.255", Class::Broadcast),
        ("::", "::", Class::Unspecified),
        ("::1", "::1", Class::Loopback),
        ("::2", "::ffff:ffff", Class::Translation),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Class::Translation),
        ("100::", "100::ffff:ffff:ffff:ffff", Class::Reserved),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", Class::Translation),
        ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", Class::Benchmarking),
        ("2001:1::", "2001:1:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
        ("2001:3::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
        ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Class::Documentation),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Translation),
        ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Documentation),
        ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Reserved),
        ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Private),
        ("fd00:ec2::254", "fd00:ec2::254", Class::Metadata),
        ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::LinkLocal),
        ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Private),
        ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Class::Multicast),
        ("4000::", "4000::ffff", Class::Reserved),
    ];
    for (first, last, expected) in ranges {
        assert_eq!(class(ip(first)), expected, "{first}");
        assert_eq!(class(ip(last)), expected, "{last}");
    }
}

#[test]
fn their_neighbours_are_public() {
    for address in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "8.8.8.8",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2606:4700::1111",
        "3fff:1000::",
        "3ffe::",
    ] {
        assert_eq!(class(ip(address)), Class::Public, "{address}");
    }
}

#[test]
fn an_ipv4_address_hidden_in_an_ipv6_one_is_what_it_is_by_itself() {
    for (hidden, class_of) in [
        ("::ffff:127.0.0.1", Class::Loopback),
        ("::ffff:169.254.169.254", Class::Metadata),
        ("::ffff:8.8.8.8", Class::Public),
        ("64:ff9b::10.0.0.1", Class::Private),
        ("64:ff9b::7f00:1", Class::Loopback),
        ("64:ff9b::8.8.8.8", Class::Public),
        // These are not taken apart: nobody should deliver through them.
        ("::127.0.0.1", Class::Translation),
        ("::8.8.8.8", Class::Translation),
        ("2002:7f00:1::", Class::Translation),
        ("2002:808:808::", Class::Translation),
        ("64:ff9b:1::8.8.8.8", Class::Translation),
        ("2001:0:808:808::", Class::Translation),
    ] {
        assert_eq!(class(ip(hidden)), class_of, "{hidden}");
    }
}

#[test]
fn an_allow_list_admits_its_networks_in_whatever_form() {
    let list = AllowList::new(vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()]);
    for allowed in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd00::1", "8.8.8.8"] {
        assert_eq!(list.check(ip(allowed)), Ok(()), "{allowed}");
    }
    for blocked in ["10.2.0.0", "127.0.0.1", "fc00::1", "::1", "169.254.169.254"] {
        let class = class(ip(blocked));
        assert_eq!(list.check(ip(blocked)), Err(Blocked { address: ip(blocked), class }));
    }
    assert_eq!(AllowList::everything().check(ip("::1")), Ok(()));
    assert_eq!(AllowList::everything().check(ip("127.0.0.1")), Ok(()));
}

#[test]
fn networks_are_read_and_printed_and_nonsense_is_refused() {
    for text in ["10.0.0.0/8", "0.0.0.0/0", "192.168.1.7/32", "fd00::/8", "::/0", "::1/128"] {
        assert_eq!(text.parse::<Cidr>().unwrap().to_string(), text);
    }
    assert_eq!("127.0.0.1".parse::<Cidr>().unwrap().to_string(), "127.0.0.1/32");
    for text in ["", "10.0.0.0/33", "10.0.0.1/8", "::1/64", "fd00::/129", "10.0.0.0/-1", "host/8", "10/8"] {
        assert!(text.parse::<Cidr>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn mapped_and_translated_addresses_are_judged_as_the_plain_one(bits in any::<u32>()) {
        let plain = Ipv4Addr::from_bits(bits);
        let mapped = IpAddr::V6(plain.to_ipv6_mapped());
        let nat64 = IpAddr::V6(Ipv6Addr::from_bits((0x64_ff9b_u128 << 96) | u128::from(bits)));
        prop_assert_eq!(class(mapped), class(IpAddr::V4(plain)));
        prop_assert_eq!(class(nat64), class(IpAddr::V4(plain)));
    }

    #[test]
    fn what_the_standard_library_calls_special_is_never_public(bits in any::<u32>(), wide in any::<u128>()) {
        let v4 = Ipv4Addr::from_bits(bits);
        if v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast()
            || v4.is_broadcast() || v4.is_documentation() || v4.is_unspecified()
        {
            prop_assert_ne!(class(IpAddr::V4(v4)), Class::Public);
        }
        let v6 = Ipv6Addr::from_bits(wide);
        let special = v6.is_multicast() || v6.is_loopback() || v6.is_unspecified()
            || v6.is_unique_local() || v6.is_unicast_link_local();
        prop_assert!(!special || class(IpAddr::V6(v6)) != Class::Public);
        let handed_out = wide >> 125 == 1;
        prop_assert!(handed_out || class(IpAddr::V6(v6)) != Class::Public);
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others(bits in any::<u32>(), length in 0_u8..=32, other in any::<u32>()) {
        let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
        let network: Cidr = format!("{}/{length}", Ipv4Addr::from_bits(bits & mask)).parse().unwrap();
        let inside = network.contains(IpAddr::V4(Ipv4Addr::from_bits(other)));
        prop_assert_eq!(inside, other & mask == bits & mask);
    }
}
