# Arguments: the program, a folder to keep everything in, the port, a token that clients need (empty: none).
program=$1 folder=$2 port=$3 token=$4
server=

start() {
    "$program" -a 127.0.0.1 -p "$port" -js -sd "$folder/store" -l "$folder/log" ${token:+--auth "$token"} </dev/null >/dev/null 2>&1 &
    server=$!
}

crash() {
    [ -n "$server" ] || return 0
    kill -s KILL "$server" && wait "$server" 2>/dev/null
    server=
}

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
