#!/usr/bin/python
# Copyright: the authors of ec2facts
# MIT License (see https://opensource.org/license/mit)

"""Gather the facts of an EC2 instance."""

DOCUMENTATION = r"""
module: gather
short_description: Gather the facts of an EC2 instance
description:
  - Reads the instance metadata service of the target with IMDSv2 and returns nested facts.
  - Targets need only Python 3.9; Ansible sends the collector with the module.
  - Credentials, user data and other secrets are withheld unless O(include) names them.
version_added: 1.0.0
author: the authors of ec2facts (@ec2facts)
options:
  include:
    description:
      - Withheld facts to return, such as V(user_data).
      - The result then holds secrets. Set C(no_log) on the task, and expect the values in a fact cache.
    type: list
    elements: str
    default: []
  only:
    description:
      - Names of the facts to return, as globs, such as V(tags.Name), V(instance_*) or V(placement/region).
      - No other facts are read, apart from the id of the instance.
      - Ignored with O(names=amazon).
    type: list
    elements: str
    default: []
  tree:
    description:
      - Whether to return C(meta_data) and C(dynamic), the service's own tree, too.
      - It doubles the size of the facts in memory and in a fact cache.
    type: bool
    default: false
  names:
    description:
      - V(nested) returns the facts as C(ansible_facts.ec2).
      - V(amazon) returns them by the names of M(amazon.aws.ec2_metadata_facts) instead, such as
        C(ansible_ec2_instance_id), without its secrets and without its text V(None) for absent values.
    type: str
    choices: [nested, amazon]
    default: nested
  wait:
    description: Seconds to wait for the service to become ready.
    type: float
    default: 0
  deadline:
    description: Time limit in seconds for all requests together.
    type: float
    default: 30
  required:
    description: Whether to fail if no service answers, as on a machine outside EC2.
    type: bool
    default: false
  partial:
    description:
      - Whether to return the other facts, with a warning, if some could not be read. Otherwise the task fails.
    type: bool
    default: true
  endpoint:
    description:
      - Base URL of the service. By default, C(AWS_EC2_METADATA_SERVICE_ENDPOINT) or
        C(AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE) on the target, else the address of the service.
    type: str
attributes:
  check_mode:
    description: Reads the facts in check mode too.
    support: full
  diff_mode:
    description: Changes nothing, so there is no diff.
    support: none
  facts:
    description: Returns ansible_facts.
    support: full
  platform:
    description: Operating systems of the targets.
    platforms: posix
    support: full
extends_documentation_fragment: []
seealso:
  - module: amazon.aws.ec2_metadata_facts
"""

EXAMPLES = r"""
- name: Gather the facts of the instance
  ec2facts.facts.gather:

- name: Use a fact
  ansible.builtin.debug:
    msg: "{{ ansible_facts.ec2.region }}"
  when: ansible_facts.ec2 != {}

- name: Read user data without showing it
  ec2facts.facts.gather:
    include: [user_data]
  no_log: true

- name: Keep the names of amazon.aws.ec2_metadata_facts
  ec2facts.facts.gather:
    names: amazon
"""

RETURN = r"""
ansible_facts:
  description: Facts to add.
  returned: always
  type: complex
  contains:
    ansible_ec2:
      description: The facts of the instance; an empty dictionary if no service answers.
      returned: with names=nested
      type: dict
      sample: {instance_id: i-1234567890abcdef0, region: us-east-1}
reason:
  description: Why there are no facts.
  returned: if no service answers
  type: str
"""

import sys

from ansible.module_utils.basic import AnsibleModule

OPTIONS = {
    "include": {"type": "list", "elements": "str", "default": []},
    "only": {"type": "list", "elements": "str", "default": []},
    "tree": {"type": "bool", "default": False},
    "names": {"type": "str", "choices": ["nested", "amazon"], "default": "nested"},
    "wait": {"type": "float", "default": 0},
    "deadline": {"type": "float", "default": 30},
    "required": {"type": "bool", "default": False},
    "partial": {"type": "bool", "default": True},
    "endpoint": {"type": "str"},
}


def main():  # type: () -> None
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    if sys.version_info < (3, 9):
        version = ".".join(str(number) for number in sys.version_info[:3])
        module.fail_json(
            msg="ec2facts.facts.gather needs Python 3.9 or newer on the target; %s is Python %s"
            % (sys.executable, version)
        )
    gather(module)


def gather(module):  # type: (AnsibleModule) -> None
    """Gather the facts for the parameters of ``module``, and exit."""
    from ec2facts.errors import EC2FactsError, IncompleteError, NotReadyError, UnavailableError
    from ec2facts.integrations import amazon_names, gathering

    options = dict(module.params)
    names, required = options.pop("names"), options.pop("required")
    if names == "amazon":
        options.update(tree=True, only=[])
    try:
        facts = gathering.gather(**options)
    except NotReadyError as error:
        module.fail_json(msg=str(error))
    except UnavailableError as error:
        if required:
            module.fail_json(msg=str(error))
        facts, reason = {}, {"reason": str(error)}
    except IncompleteError as error:
        module.fail_json(msg=gathering.message_of(error) + "; with partial, the task returns the other facts")
    except EC2FactsError as error:
        module.fail_json(msg=gathering.message_of(error))
    else:
        reason = {}
    for path, why in facts.get("collection", {}).get("unread", {}).items():
        module.warn("%s could not be read: %s" % (path, why))
    named = amazon_names.amazon_names(facts) if names == "amazon" else {"ansible_ec2": facts}
    module.exit_json(changed=False, ansible_facts=named, **reason)


if __name__ == "__main__":
    main()
