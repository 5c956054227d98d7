# katahost: tells the terminal where prompts and commands begin and end (OSC 133), and how they end.
# Read once at the start of an interactive bash, 5.1 or later, behind the user's own settings; or by
# the first prompt of a bash that was started inside of it.

if [[ $- == *i* ]] && ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501)); then
  # What a prompt executes. A bash inside inherits it without the function.
  printf -v __katahost_boot '__katahost_status=$?; if declare -F __katahost_prompt >/dev/null || { [[ -r %q ]] && . %q; }; then __katahost_prompt; fi' \
    "${BASH_SOURCE[0]}" "${BASH_SOURCE[0]}"

  __katahost_prompt() {
    local code=$__katahost_status element known=
    # Each element of PROMPT_COMMAND finds the command's own status; text before ours in the same
    # element would hide it. Then the status is not known, and ours gets an element of its own.
    for element in "${PROMPT_COMMAND[@]}"; do
      if [[ $element == "$__katahost_boot" ]]; then known=1; fi
    done
    if [[ ! $known ]]; then
      code=
      PROMPT_COMMAND=("${PROMPT_COMMAND[@]//"$__katahost_boot"/:}" "$__katahost_boot")
    fi
    if [[ ${PS0-} != *"]133;C;aid=$$"* ]]; then
      PS0="\e]133;C;aid=$$\a${PS0-}"
    fi
    if [[ ${PS2-} != *"]133;A;k=s;aid=$$"* ]]; then
      PS2="\[\e]133;A;k=s;aid=$$\a\]${PS2-}"
    fi
    if [[ ${__katahost_shown-} ]]; then
      printf '\e]133;D;%s;aid=%s\a\e]133;A;aid=%s\a' "$code" "$$" "$$"
    else
      __katahost_shown=1
      printf '\e]133;A;aid=%s\a' "$$"
    fi >/dev/tty
  }

  if [[ ! ${PROMPT_COMMAND[*]-} ]]; then
    # Only where it is the one thing that prompts do, shells inside may have it too.
    unset PROMPT_COMMAND
    export PROMPT_COMMAND="$__katahost_boot"
  elif [[ "${PROMPT_COMMAND[*]}" != *"$__katahost_boot"* ]]; then
    PROMPT_COMMAND=("${PROMPT_COMMAND[@]}" "$__katahost_boot")
  fi
elif [[ $- == *i* ]]; then
  # Too old: nothing will be told, and nobody needs to wait for it.
  printf '\e]133;D\a'
fi
