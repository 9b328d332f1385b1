# Arguments: folder of the binaries, folder to keep everything in, port, user to run the server as (empty: ours), the address to
# listen at, the subnet to let in.
bin=$1 folder=$2 port=$3 user=$4 address=$5 subnet=$6

as_user() {
    if [ -z "$user" ]; then
        "$@"
    elif command -v setpriv >/dev/null; then
        setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
    else
        runuser -u "$user" -- "$@"
    fi
}

pg_ctl() {
    as_user "$bin/pg_ctl" -s -D "$folder/data" -w -t 60 "$@" >>"$folder/ctl.log" 2>&1 </dev/null
}

start() {
    if [ ! -d "$folder/data" ]; then
        as_user "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$folder/ctl.log" 2>&1 </dev/null || return 1
        cat >>"$folder/data/postgresql.conf" <<CONF
listen_addresses = '$address'
port = $port
unix_socket_directories = '$folder'
max_connections = 200
max_wal_size = 2GB
shared_buffers = 512MB
fsync = on
synchronous_commit = on
CONF
        echo "host all all $subnet trust" >>"$folder/data/pg_hba.conf"
    fi
    pg_ctl -l "$folder/log" start
}

# Who is stopped while those who started us end is sent a hangup, and would leave everything behind.
trap '' HUP
umask 077
cd "$folder" || exit 1
[ -n "$user" ] && chown "$user" "$folder"
: >"$folder/ctl.log"
while read -r order; do
    case $order in
    start) start ;;
    crash) pg_ctl -m immediate stop ;;
    *) false ;;
    esac && echo ok || echo failed
done
if [ -s "$folder/data/postmaster.pid" ]; then
    # A frozen server cannot hear that it shall stop.
    kill -s CONT "$(head -n 1 "$folder/data/postmaster.pid")" 2>/dev/null
    pg_ctl -m immediate stop
fi
rm -rf "$folder"
