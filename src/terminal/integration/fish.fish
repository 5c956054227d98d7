# katahost: tells the terminal where prompts and commands begin and end (OSC 133), and how they end.
# Read behind the user's own settings.

if status is-interactive
    function __katahost_prompt --on-event fish_prompt
        printf '\e]133;A;aid=%s\a' $fish_pid
    end
    function __katahost_preexec --on-event fish_preexec
        printf '\e]133;C;aid=%s\a' $fish_pid
    end
    function __katahost_postexec --on-event fish_postexec
        set -l code $status
        # Fish leaves the status of the command before when one is put into the background.
        if string match --quiet --regex '&\s*$' -- $argv
            set code 0
        end
        printf '\e]133;D;%s;aid=%s\a' $code $fish_pid
    end
end
