# Argument: how many hosts. A bridge in the namespace that we are in, and for each host a namespace with one cable to it. The name
# of the bridge holds its number, so that two of us cannot take the same subnet: to make it a second time fails.
hosts=$1
name=

is_free() {
    [ -z "$(ip -4 route show root "$1")" ] && [ -z "$(ip -4 route show match "$1" | grep -v '^default')" ]
}

take() {
    number=0
    while [ "$number" -lt 256 ]; do
        prefix=10.213.$number
        if is_free "$prefix.0/24"; then
            name=ionveil$number
            ip link add "$name" type bridge && return 0
            # Another has just taken it, or we may not make any.
            [ -e "/sys/class/net/$name" ] || break
        fi
        number=$((number + 1))
    done
    name=
    return 1
}

connect() {
    ip netns add "$name-$1" && ip link add "$name-$1" type veth peer name eth0 netns "$name-$1" &&
        ip link set "$name-$1" master "$name" up && ip -n "$name-$1" addr add "$prefix.$((11 + $1))/24" dev eth0 &&
        ip -n "$name-$1" link set eth0 up && ip -n "$name-$1" link set lo up
}

open() {
    take && ip addr add "$prefix.1/24" dev "$name" && ip link set "$name" up || return 1
    host=0
    while [ "$host" -lt "$hosts" ]; do
        connect "$host" || return 1
        host=$((host + 1))
    done
}

close() {
    [ -n "$name" ] || return 0
    host=0
    while [ "$host" -lt "$hosts" ]; do
        ip netns pids "$name-$host" | xargs -r kill -s KILL
        ip link del "$name-$host"
        ip netns del "$name-$host"
        host=$((host + 1))
    done
    ip link del "$name"
}

# Who is stopped while those who started us end is sent a hangup, and would leave everything behind.
trap '' HUP
exec 3>&1 1>/dev/null 2>&1
while read -r order host; do
    case $order in
    open) open && echo "$name $prefix" >&3 || echo failed >&3; continue ;;
    cut) ip link set "$name-$host" down ;;
    join) ip link set "$name-$host" up ;;
    *) false ;;
    esac && echo ok >&3 || echo failed >&3
done
close
