# For Ohai and Chef: the instance as node["ec2facts"]; no attribute off EC2. Checked by: ohai
#
# Such as /etc/chef/ohai/plugins/ec2facts.rb. It does not change node["ec2"], which Ohai's own plugin fills.
require "json"

Ohai.plugin(:Ec2facts) do
  provides "ec2facts"

  collect_data(:linux) do
    command = shell_out("PATH=$PATH:/usr/local/bin ec2facts dump --or-empty --allow-partial --no-tree")
    command.stderr.each_line { |line| logger.warn(line.chomp) }
    raise "ec2facts dump: exit status #{command.exitstatus}" unless command.exitstatus == 0

    facts = JSON.parse(command.stdout)
    ec2facts facts unless facts.empty?
  end
end
