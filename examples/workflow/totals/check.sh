test "$(printf 'a 2\nb 3\n' | awk -f total.awk)" = "total 5"
