greet() {
    echo "Hello, $nam!"
}
