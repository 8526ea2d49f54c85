{ sum -= $2 }
END { print "sum", sum }
