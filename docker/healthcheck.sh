# Asks the server of this container for a page, and fails unless it answers with 200. The image has bash and no curl.
# Arguments: the path, and the port if it is not 8080.
exec 3<>"/dev/tcp/127.0.0.1/${2:-8080}" || exit 1
printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$1" >&3
read -r -t 3 _ status _ <&3
[ "$status" = 200 ]
