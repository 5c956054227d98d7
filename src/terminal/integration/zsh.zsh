# katahost: tells the terminal where prompts and commands begin and end (OSC 133), and how they end.
# Found by zsh as its first settings; the user's own ones come from where they always were.

if [[ -n ${KATAHOST_ZDOTDIR-} ]]; then
  export ZDOTDIR=$KATAHOST_ZDOTDIR
else
  unset ZDOTDIR
fi
unset KATAHOST_ZDOTDIR

if [[ -o interactive ]]; then
  __katahost_precmd() {
    local code=$?
    {
      if [[ -n ${__katahost_shown-} ]]; then
        builtin printf '\e]133;D;%s;aid=%s\a' $code $$
      fi
      builtin printf '\e]133;A;aid=%s\a' $$
    } >/dev/tty
    typeset -g __katahost_shown=1
    if [[ ${PS2-} != *"]133;A;k=s;aid=$$"* ]]; then
      PS2=$'%{\e]133;A;k=s;aid='$$$'\a%}'${PS2-}
    fi
    if (( ! ${preexec_functions[(I)__katahost_preexec]} )); then
      preexec_functions+=(__katahost_preexec)
    fi
  }
  __katahost_preexec() {
    builtin printf '\e]133;C;aid=%s\a' $$ >/dev/tty
  }
  typeset -ga precmd_functions preexec_functions
  precmd_functions+=(__katahost_precmd)
  preexec_functions+=(__katahost_preexec)
fi

if [[ -r ${ZDOTDIR-$HOME}/.zshenv ]]; then
  . ${ZDOTDIR-$HOME}/.zshenv
fi
