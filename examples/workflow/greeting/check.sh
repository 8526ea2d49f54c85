. ./greet.sh
name=Ada
test "$(greet)" = "Hello, Ada!"
