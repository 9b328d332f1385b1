# Arguments: the program, a folder to keep everything in, the address and the port, a token that clients need (empty: none).
program=$1 folder=$2 address=$3 port=$4 token=$5
server=

start() {
    "$program" -a "$address" -p "$port" -js -sd "$folder/store" -l "$folder/log" ${token:+--auth "$token"} </dev/null >/dev/null 2>&1 &
    server=$!
}

crash() {
    [ -n "$server" ] || return 0
    kill -s KILL "$server" && wait "$server" 2>/dev/null
    server=
}

# Who is stopped while those who started us end is sent a hangup, and would leave everything behind.
trap '' HUP
umask 077
while read -r order; do
    case $order in
    start) start ;;
    crash) crash; true ;;
    wipe) crash; rm -rf "$folder/store" ;;
    keep) crash; rm -rf "$folder/kept"; cp -r "$folder/store" "$folder/kept" ;;
    put-back) crash; rm -rf "$folder/store"; cp -r "$folder/kept" "$folder/store" ;;
    *) false ;;
    esac && echo ok || echo failed
done
crash
rm -rf "$folder"
