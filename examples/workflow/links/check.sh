# Every page that is linked is there.
for page in $(sed -n 's/.*](\(.*\)).*/\1/p' index.md); do
    test -f "$page" || { echo "$page is missing"; exit 1; }
done
grep -q 'What it costs' prices.md
