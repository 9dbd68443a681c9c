# Runs in the sandbox of ec2facts.service; prints what the sandbox allows.
for directory in /run /run/lock /run/systemd /run/ec2facts /etc /var/lib /opt /usr/local/bin /root /home /dev/shm \
    /dev /sys /sys/fs/cgroup /proc/sys/net; do
    if (: >"$directory/ec2facts-probe") 2>/dev/null; then echo "writes $directory"; fi
done
hostname probe 2>/dev/null && echo 'sets the host name'
mount -t tmpfs tmpfs /mnt 2>/dev/null && echo 'mounts'
# 159 is the exit status of a child that SIGSYS has killed.
unshare --net true 2>/dev/null || echo "forbidden call: status $?"
curl -s -m 2 -o /dev/null http://127.0.0.1:8080/
echo "another address: curl $?"
curl -s -m 9 -o /dev/null http://169.254.169.254/
echo "the service: curl $?"
