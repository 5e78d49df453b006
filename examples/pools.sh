# shellcheck shell=bash
# shellcheck disable=SC2154,SC2004 # Set and declared by examples/run, which sources this.
# shellcheck disable=SC2016 # Checks are evaluated where they are made.
#
# The second part of examples/run: two CDNs, each of them a real nginx with two
# addresses, and zones whose apex follows both.

readonly pool_one=(198.51.100.101 198.51.100.102) pool_two=(203.0.113.101 203.0.113.102)
readonly pool_networks=1000

# --- Inside the namespaces: files and servers -----------------------------------

# pool_nginx NAME ADDRESS...: the configuration of one CDN, on standard output.
# All that it writes stays inside.
pool_nginx()
{
	local name=$1 listen path
	shift
	listen=$(printf 'listen %s:80; ' "$@")
	cat <<-END
	daemon off;
	pid $home/$name.pid;
	error_log stderr;
	events { }
	http {
	    access_log off;
	$(for path in client_body proxy fastcgi uwsgi scgi; do
		printf '    %s_temp_path %s/%s-%s;\n' $path "$home" "$name" $path
	done)
	    server { ${listen}return 200 "$name\n"; }
	}
	END
}

pool_files()
{
	cp "$build/tools/kaname" "$home/kaname"
	cp examples/pools/knot.conf /etc/knot/pools.conf
	cp examples/pools/zones/* /var/lib/knot/
	printf 'include: /etc/knot/pools.conf\n' >>/etc/knot/knot.conf
	cat >>/etc/knot/target/cdn.example.zone <<-END
	$(printf 'one A %s\n' "${pool_one[@]}")
	$(printf 'two A %s\n' "${pool_two[@]}")
	END
	pool_nginx one "${pool_one[@]}" >"$home/one.conf"
	pool_nginx two "${pool_two[@]}" >"$home/two.conf"
	# Each CDN's addresses are this machine's own, of this namespace alone.
	local address
	for address in "${pool_one[@]}" "${pool_two[@]}"; do
		ip address add "$address/32" dev lo
	done
}

# accepts ADDRESS: somebody listens at its port 80.
accepts()
{
	(exec 3<>"/dev/tcp/$1/80") 2>/dev/null
}

# start_cdn NAME ADDRESS...: starts one, and waits until it listens.
start_cdn()
{
	local name=$1 address deadline=$((SECONDS + patience))
	shift
	nginx -c "$home/$name.conf" > >(cat >>"$home/$name.log") 2>&1 &
	pid[$name]=$!
	for address in "$@"; do
		until accepts "$address"; do
			if ! kill -0 "${pid[$name]}" 2>/dev/null || ((SECONDS >= deadline)); then
				fail "nginx does not start: CDN $name" "$name"
			fi
			sleep 0.1
		done
	done
}

start_cdns()
{
	start_cdn one "${pool_one[@]}"
	start_cdn two "${pool_two[@]}"
}

# --- The steps --------------------------------------------------------------------

kaname()
{
	"$home/kaname" "$@"
}

# force ARGUMENT...: shows and runs kaname force.
force()
{
	printf '\n$ kaname force %s\n' "$*"
	kaname force "$@" || fail "kaname does not do that" server
}

# health ADDRESS WORD: kaname's reply has the address with that health.
health()
{
	awk -v address="$1" -v word="$2" '
		$1 == address && $4 == word { found = 1 }
		END { exit !found }
	' <<<"$reply"
}

two_at_once()
{
	step "13. Two CDNs at once"
	explain "both.example follows two CDNs, each of them an nginx with two addresses, which" \
		"the server probes. All of them are up, so all are in the answer."
	ask 'status NOERROR && holds ANSWER A "${pool_one[@]}" "${pool_two[@]}"' both.example A
	see 'health "${pool_one[0]}" up && health "${pool_one[1]}" up &&
		health "${pool_two[0]}" up && health "${pool_two[1]}" up' kaname status both.example
}

one_dies()
{
	step "14. One of them dies"
	explain "The first CDN's servers are gone. Its name resolves as before, since its DNS is" \
		"alive, as in most outages; but no probe gets through."
	printf '\n$ kill %s    # the nginx of CDN one\n' "${pid[one]}"
	stop one
	ask 'status NOERROR && holds ANSWER A "${pool_two[@]}" && ttl_up_to 30' both.example A
	see 'holds ANSWER A "${pool_one[@]}"' kdig @$recursor one.cdn.example A
	see 'health "${pool_one[0]}" down && health "${pool_one[1]}" down && says refused' \
		kaname status both.example

	say ""
	explain "When it is back it gets its traffic back."
	printf '\n$ nginx    # of CDN one\n'
	start_cdn one "${pool_one[@]}"
	ask 'holds ANSWER A "${pool_one[@]}" "${pool_two[@]}"' both.example A
}

by_hand()
{
	step "15. By hand"
	explain "The second CDN announces maintenance. Nothing is wrong with it yet, but an" \
		"operator's word goes before what the probes say."
	force two.cdn.example down --for 2h
	ask 'holds ANSWER A "${pool_one[@]}"' both.example A
	see 'says "is forced down by hand"' kaname check both.example
	force two.cdn.example auto
	ask 'holds ANSWER A "${pool_one[@]}" "${pool_two[@]}"' both.example A
}

# of_networks FROM COUNT: asks from one address of each of so many /24 networks, and
# prints what each of them is given, a line for each network.
of_networks()
{
	local i
	for ((i = $1; i < $1 + $2; i++)); do
		kdig +short -b "127.$((1 + i / 250)).$((i % 250)).1" "@$server" shares.example A |
			sort | tr '\n' ' '
		printf '\n'
	done
}

# networks_by_cdn: how many networks of `of_networks` get which CDN, and how many neither of
# them whole.
networks_by_cdn()
{
	of_networks 0 $pool_networks |
		awk -v one="${pool_one[*]} " -v two="${pool_two[*]} " '
			$0 == one { ones++; next }
			$0 == two { twos++; next }
			{ others++ }
			END {
				printf "CDN one: %d networks\nCDN two: %d\nneither: %d\n",
					ones, twos, others
			}
		'
}

# shared LEAST MOST: of the networks so many get CDN one, and the others CDN two.
shared()
{
	awk -v least="$1" -v most="$2" -v all=$pool_networks '
		/^CDN one/ { one = $3 }
		/^CDN two/ { two = $3 }
		END { exit !(one >= least && one <= most && one + two == all) }
	' <<<"$reply"
}

shares()
{
	step "16. Shares"
	explain "shares.example gives 80 % of the networks one CDN, and 20 % the other one. The" \
		"choice depends on the client's network and on nothing else: a client gets the" \
		"same CDN each time, from every server of the zone. Here $pool_networks networks ask."
	ask 'fresh && holds ANSWER CNAME && says "IN.*A"' shares.example A
	patience=120 see 'shared 750 850' networks_by_cdn
	local before
	before=$(of_networks 0 50)
	[ "$before" = "$(of_networks 0 50)" ] || fail "the same networks get other answers"
}

pool_steps()
{
	two_at_once
	one_dies
	by_hand
	shares
}

pool_hints()
{
	hint "kaname status both.example" "what is probed, and what is up"
	hint "kaname force two.cdn.example down" "and 'auto' to take it back"
	hint "kill \$(cat $home/one.pid)" "a CDN dies ..."
	hint "nginx -c $home/one.conf &" "... and comes back"
}
