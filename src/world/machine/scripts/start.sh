# Units enabled and running on a machine whose state is there.
lock
read_input
role=$(sed -n "s/^ROLE='\(.*\)'$/\1/p" "$etc/identity")
case $role/$(stage) in
*/blank) fail not-prepared "this machine is not prepared" ;;
*/retired) fail retired "another machine has taken over" ;;
production/building | drill/building) fail not-loaded "this machine has no state yet: its services must not start empty" ;;
esac
start_units
echo '{"started":true}'
