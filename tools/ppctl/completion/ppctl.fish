# SPDX-License-Identifier: GPL-2.0
#
# Completion of ppctl's command line in fish. All candidates come from ppctl itself, with their
# descriptions behind a tab, as fish wants them.

function __ppctl_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] complete $words[2..-1] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$words[-1]"
        else
            printf '%s\n' $line
        end
    end
end

complete -c ppctl -f -a '(__ppctl_complete)'
