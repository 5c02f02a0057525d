module atoll/bench/groups

go 1.20
