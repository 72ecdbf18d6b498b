# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_eddy_global_optspecs
    string join \n color= q/quiet v/verbose no-progress workspace= env= yes h/help V/version
end

function __fish_eddy_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_eddy_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_eddy_using_subcommand
    set -l cmd (__fish_eddy_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c eddy -n "__fish_eddy_needs_command" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_needs_command" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_needs_command" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_needs_command" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_needs_command" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_needs_command" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_needs_command" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_needs_command" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "add" -d 'Add an operation, a channel, an outbox or dead letters to a project'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "adopt" -d 'Bring a project that eddy did not make under a template'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "archive" -d 'Look into recordings, cut and join them, check them, mend them'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "broker" -d 'Run the embedded MQTT broker for local work'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "bundle" -d 'Make one document of many files; references stay references'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "convert" -d 'Convert an AsyncAPI document to a later version; comments stay'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "demo" -d 'Show the whole round on the embedded broker'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "doctor" -d 'Check the workspace, its servers and the tools eddy calls'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "explain" -d 'Print the page of a diagnostic code, or list all codes'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "fmt" -d 'Lay out YAML and JSON documents; comments, anchors and order stay'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "graph" -d 'Show who sends what to whom'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "init" -d 'Write a workspace file'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "inject" -d 'Send one event, a file, standard input, or events generated from the contract'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "man" -d 'Print the manual'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "new" -d 'Make a project from a template'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "record" -d 'Capture events into an archive'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "redrive" -d 'Take dead letters back to where they came from'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "replay" -d 'Send the events of an archive again, with their timing'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "serve" -d 'Serve the page of the system, which follows documents and systems while it is open'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "sync" -d 'Bring a project up to its template and its contract'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "tail" -d 'Watch events as they arrive'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "template" -d 'See, begin, check and test templates'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "validate" -d 'Check AsyncAPI documents and event schemas'
complete -c eddy -n "__fish_eddy_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -f -a "handler" -d 'An operation, with its channel and message when they are not there'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -f -a "channel" -d 'A channel'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -f -a "outbox" -d 'An outbox, where the template can have one'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -f -a "dead-letter" -d 'Dead letters, where the template can have them; with `--channel` the channel they go to'
complete -c eddy -n "__fish_eddy_using_subcommand add; and not __fish_seen_subcommand_from handler channel outbox dead-letter help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l channel -d 'Channel of the operation; it is made when the contract has none of this name' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l address -d 'Address of the channel (default: its name)' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l message -d 'Message it carries; it is made when the contract has none of this name' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l schema -d 'Schema of the message\'s payload, in JSON or YAML; the message must be new' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l directory -d 'Directory of the project, or one in it (default: here)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l send -d 'The service sends (default: it receives)'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l dry-run -d 'Show exactly what would be written, with differences, and write nothing'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from handler" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l address -d 'Address of the channel (default: its name)' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l message -d 'Message it carries; it is made when the contract has none of this name' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l schema -d 'Schema of the message\'s payload, in JSON or YAML; the message must be new' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l directory -d 'Directory of the project, or one in it (default: here)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l dry-run -d 'Show exactly what would be written, with differences, and write nothing'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from channel" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -l directory -d 'Directory of the project, or one in it (default: here)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -l dry-run -d 'Show exactly what would be written, with differences, and write nothing'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from outbox" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -l channel -d 'Channel whose dead letters the contract is to describe' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -l suffix -d 'What stands behind the address of the channel' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -l directory -d 'Directory of the project, or one in it (default: here)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -l dry-run -d 'Show exactly what would be written, with differences, and write nothing'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from dead-letter" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from help" -f -a "handler" -d 'An operation, with its channel and message when they are not there'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from help" -f -a "channel" -d 'A channel'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from help" -f -a "outbox" -d 'An outbox, where the template can have one'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from help" -f -a "dead-letter" -d 'Dead letters, where the template can have them; with `--channel` the channel they go to'
complete -c eddy -n "__fish_eddy_using_subcommand add; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l contract -d 'AsyncAPI document of the service' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l answers -d 'Answers in YAML or JSON; `-` reads standard input' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l set -d 'One answer; counts more than the file' -r
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l defaults -d 'Take the default of every question that has no answer'
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l add-missing -d 'Let the next sync make the files that are missing (default: they count as deleted by you)'
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l dry-run -d 'Show how far the project is from the template, and write nothing'
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand adopt" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -f -a "cat" -d 'Print events, one JSON object per line'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -f -a "convert" -d 'Write a recording as CSV, CloudEvents, lines of kcat, Avro or Parquet, or read it back'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -f -a "import" -d 'Make an archive of what kcat, rpk, kaf, GoReplay, browsers (HAR) or the nats command wrote'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -f -a "merge" -d 'Join several recordings in order of time'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -f -a "repair" -d 'Write what is whole in a damaged or unfinished recording anew'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -f -a "slice" -d 'Write a part of a recording as a recording of its own'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -f -a "split" -d 'Cut a recording into several files by size, time, count or channel'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -f -a "stats" -d 'Count events, bytes, rates and channels'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -f -a "verify" -d 'Check frames, checksums, lines, numbers, index and seek table'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and not __fish_seen_subcommand_from cat convert import merge repair slice split stats verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l from -d 'Begin here: a time, `-5m`, `start`, `end`, `last:N` or `offset:N` (default: the oldest event that is kept)' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l to -l until -d 'End here: a time, `now`, `end` or `offset:N`' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l range -d 'Both in one word: `@-48h:-24h`, `@2026-11-01T00:00Z:`, `-100`, `+50:`, `start:end`' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l channel -d 'Only channels that match; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l match -d 'Only events that match, as with `eddy tail`; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -s n -l count -d 'At most this many events' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l parsed -d 'Add payloads that are JSON as they are, under `value`'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from cat" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -s o -l output -d 'The file to write' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l to -d 'Format of the file to write' -r -f -a "avro\t'Avro object container'
cloudevents\t'Batch of CloudEvents in JSON'
csv\t'Comma-separated values'
eddy\t'A recording of eddy'
kcat\t'Lines of `kcat -J`'
parquet\t'Parquet'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l from -d 'Format of the file that is read, unless it is a recording' -r -f -a "kcat\t'Lines of `kcat -J`'
rpk\t'`rpk topic consume` (JSON)'
kaf\t'`kaf consume --output json` or `json-each-row`'
gor\t'Captures of GoReplay'
har\t'HTTP archive of a browser or proxy'
nats-dump\t'`nats sub --dump`'
avro\t'Avro object container with the schema of `eddy archive convert`'
cloudevents\t'Batch of CloudEvents in JSON'
csv\t'Comma-separated values with the columns of `eddy archive convert`'
parquet\t'Parquet of `eddy archive convert`'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l loss -d 'What to do about what the format cannot carry' -r -f -a "report\t'Count it first, and write then; the input is read twice'
refuse\t'Count it first, and write nothing if there is any'
accept\t'Write without counting'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l format -d 'How to print what was written' -r -f -a "human\t'For people'
json\t'One JSON document'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l skip-bad -d 'Leave out what is no event, and count it'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l force -d 'Replace the file to write when it is there'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from convert" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -l from -d 'Which tool wrote it' -r -f -a "kcat\t'Lines of `kcat -J`'
rpk\t'`rpk topic consume` (JSON)'
kaf\t'`kaf consume --output json` or `json-each-row`'
gor\t'Captures of GoReplay'
har\t'HTTP archive of a browser or proxy'
nats-dump\t'`nats sub --dump`'
avro\t'Avro object container with the schema of `eddy archive convert`'
cloudevents\t'Batch of CloudEvents in JSON'
csv\t'Comma-separated values with the columns of `eddy archive convert`'
parquet\t'Parquet of `eddy archive convert`'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -l channel -d 'Channel of all events, in place of their own; `kaf --output json` writes none' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -s o -l output -d 'The archive to write' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -l format -d 'How to print what was written' -r -f -a "human\t'For people'
json\t'One JSON document'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -l skip-bad -d 'Leave out what is no event, and count it'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -l force -d 'Replace the file to write when it is there'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from import" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -s o -l output -d 'The archive to write' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -l format -d 'How to print what was written' -r -f -a "human\t'For people'
json\t'One JSON document'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -l force -d 'Replace the file to write when it is there'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from merge" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -s o -l output -d 'Where to write (default: the name without `.partial`, or with `-repaired`)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -l format -d 'How to print what was kept and lost' -r -f -a "human\t'For people'
json\t'One JSON document'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -l force -d 'Replace the file to write when it is there'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from repair" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -s o -l output -d 'The archive to write' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l from -d 'Begin here: a time, `-5m`, `start`, `end`, `last:N` or `offset:N` (default: the oldest event that is kept)' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l to -l until -d 'End here: a time, `now`, `end` or `offset:N`' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l range -d 'Both in one word: `@-48h:-24h`, `@2026-11-01T00:00Z:`, `-100`, `+50:`, `start:end`' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l channel -d 'Only channels that match; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l match -d 'Only events that match, as with `eddy tail`; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -s n -l count -d 'At most this many events' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l format -d 'How to print what was written' -r -f -a "human\t'For people'
json\t'One JSON document'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l force -d 'Replace the file to write when it is there'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from slice" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -l size -d 'Begin a new part at this size, such as `100MiB`' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -l every -d 'Begin a new part after this time, such as `1h`' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -s n -l count -d 'Begin a new part after this many events' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -s o -l output -d 'Name for the parts: `NAME.eddy.ndjson.zst` makes `NAME-00001.eddy.ndjson.zst` … (default: that of the file)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -l format -d 'How to print what was written' -r -f -a "human\t'For people'
json\t'One JSON document'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -l by-channel -d 'One file for each channel'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -l force -d 'Replace files that are there'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from split" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from stats" -l format -d 'How to print' -r -f -a "human\t'For people'
json\t'One JSON document'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from stats" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from stats" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from stats" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from stats" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from stats" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from stats" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from stats" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from stats" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from verify" -l format -d 'How to print' -r -f -a "human\t'For people'
json\t'One JSON document'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from verify" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from verify" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from verify" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from verify" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from verify" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from verify" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from help" -f -a "cat" -d 'Print events, one JSON object per line'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from help" -f -a "convert" -d 'Write a recording as CSV, CloudEvents, lines of kcat, Avro or Parquet, or read it back'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from help" -f -a "import" -d 'Make an archive of what kcat, rpk, kaf, GoReplay, browsers (HAR) or the nats command wrote'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from help" -f -a "merge" -d 'Join several recordings in order of time'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from help" -f -a "repair" -d 'Write what is whole in a damaged or unfinished recording anew'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from help" -f -a "slice" -d 'Write a part of a recording as a recording of its own'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from help" -f -a "split" -d 'Cut a recording into several files by size, time, count or channel'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from help" -f -a "stats" -d 'Count events, bytes, rates and channels'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Check frames, checksums, lines, numbers, index and seek table'
complete -c eddy -n "__fish_eddy_using_subcommand archive; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand broker" -l listen -d 'Address and port to listen at; port 0 picks a free one' -r
complete -c eddy -n "__fish_eddy_using_subcommand broker" -l data -d 'Keep retained messages and sessions in this directory (default: in memory)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand broker" -l format -d 'How to say on stdout where it listens' -r -f -a "human\t'The address as a line of text'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand broker" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand broker" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand broker" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand broker" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand broker" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand broker" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand broker" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand broker" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand broker" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -s o -l output -d 'Where the bundle goes (default: standard output)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -l source-map -d 'Write here where each part of the bundle was written, as JSON' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -l format -d 'Form of the findings' -r -f -a "human\t'For people, on standard error'
json\t'For programs, on standard output'"
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand bundle" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand completions" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand completions" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand completions" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand completions" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand completions" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand completions" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand completions" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand completions" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand convert" -l to -d 'The version wanted' -r -f -a "2.6.0\t'AsyncAPI 2.6'
3.0.0\t'AsyncAPI 3.0'
3.1.0\t'AsyncAPI 3.1'"
complete -c eddy -n "__fish_eddy_using_subcommand convert" -s o -l output -d 'Where the result goes (default: standard output)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand convert" -l perspective -d 'Whose view `publish` and `subscribe` take in the 2.x document' -r -f -a "application\t'As the specification has it: others publish, so the application receives'
client\t'The other way round: this application publishes, so it sends'"
complete -c eddy -n "__fish_eddy_using_subcommand convert" -l format -d 'Form of the findings' -r -f -a "human\t'For people, on standard error'
json\t'For programs, on standard output'"
complete -c eddy -n "__fish_eddy_using_subcommand convert" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand convert" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand convert" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand convert" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand convert" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand convert" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand convert" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand convert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand convert" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -l dir -d 'Directory for the demo\'s workspace (default: a new one below the system\'s temporary directory)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -l count -d 'Checkouts to inject' -r
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -l format -d 'How to report' -r -f -a "human\t'A story on stderr, tables on stdout'
json\t'One JSON object on stdout at the end'"
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -l keep -d 'Keep broker and services running at the end, until Ctrl-C, to play with them'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -f -a "service" -d 'Be one of the sample services'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and not __fish_seen_subcommand_from service help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -l broker -d 'The broker' -r
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -l journal -d 'File to which every received event is added, one JSON line each' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -l stop-with-input -d 'Stop when standard input ends'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from service" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from help" -f -a "service" -d 'Be one of the sample services'
complete -c eddy -n "__fish_eddy_using_subcommand demo; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -l timeout -d 'How long one server may take' -r
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -l format -d 'How to show the report' -r -f -a "human\t'A table, then the problems'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand doctor" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand explain" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'For programs'
markdown\t'For the documentation'"
complete -c eddy -n "__fish_eddy_using_subcommand explain" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand explain" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand explain" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand explain" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand explain" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand explain" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand explain" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand explain" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -l format -d 'Form of the list of files' -r -f -a "human\t'For people'
json\t'For programs'"
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -l check -d 'Write nothing; list the files that would change'
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -l diff -d 'Write nothing; show what would change'
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand fmt" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l view -d 'What to draw (default: table, or tree with --focus; for SVG columns, flow with --focus, overview above 1,500 services and channels)' -r -f -a "table\t'One line per channel with its producers and consumers'
tree\t'What lies up and down stream of --focus'
matrix\t'How many channels lead from each domain, or service, to each other'
boxes\t'Boxes and lines of text; the table where they do not fit'
columns\t'Three columns as a picture: producers, channels, consumers'
flow\t'Layers along the flow as a picture; what closes a cycle goes back dashed'
overview\t'Domains as a picture, and how many channels lead from one to another'"
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l format -d 'Form of the output (default: by the ending of --output, else text)' -r -f -a "text\t'For the terminal'
json\t'JSON Graph Format, for programs'
jsonl\t'One short object per line in a fixed order, to compare'
svg\t'A picture that is one file'
html\t'A page to explore that is one file'
mermaid\t'Mermaid flowcharts'
markdown\t'Mermaid flowcharts in a Markdown page'
dot\t'Graphviz'
d2\t'D2'
plantuml\t'A PlantUML component diagram'
graphml\t'GraphML, for yEd and Gephi'
cytoscape\t'JSON of Cytoscape'
eventcatalog\t'A directory of pages for EventCatalog'
backstage\t'Entities of a Backstage catalogue'
openlineage\t'OpenLineage events, one per line'"
complete -c eddy -n "__fish_eddy_using_subcommand graph" -s o -l output -d 'Write to a file, whose ending chooses the format, or for an event catalogue to a new or empty directory' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l focus -d 'Show only what this service, channel or message is connected with' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l depth -d 'How many services away from the focus to go (default: 2)' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l path -d 'Show only the ways along the flow from one service or channel to another, the shortest first' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l asyncapi2-view -d 'How `publish` and `subscribe` of AsyncAPI 2 are read (default: app, as the specification says; doubtful documents are named)' -r -f -a "app\t'`publish` is what the application receives'
client\t'`publish` is what the application sends'"
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l against -d 'Compare with what this environment, or a graph saved with --observe, shows, instead of with documents' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l system -d 'Ask this system instead of those of the environment; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l sample -d 'Also read so many of the newest events of each channel, for who they say sent them; where events are kept, without a group' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l sample-header -d 'Header with the name of the service that sent the event, beside `source` of CloudEvents; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l impact -d 'Whom a change of a message touches; after a dot a field: which consumers require it' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l remove -d 'What starves without a service' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l rollout -d 'In which order to roll out a breaking change of a message' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l at -d 'Read the documents as a revision of git has them' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l diff -d 'Show what changed between two revisions of git or two saved graphs; nothing after `..` means the files as they are here' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l report -d 'Form of the findings of --check and --drift (default: human, and for --drift that of --format)' -r -f -a "human\t'With the lines at fault'
concise\t'One line per finding'
json\t'For programs: one object'
jsonl\t'For programs: a line per finding'
sarif\t'SARIF 2.1.0, for code scanning'
junit\t'Test report in XML'
github\t'Annotations of a workflow on a change'
gitlab\t'Code quality report'
checkstyle\t'Checkstyle XML'
markdown\t'For a comment on a change'
rdjson\t'Reviewdog Diagnostic Format'"
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l shortest -d 'Only the shortest ways'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l ascii -d 'Draw with ASCII characters only'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l observe -d 'Ask the systems of the environment who sends and who receives; nothing is changed there'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l drift -d 'Compare what is declared with what the systems show: confirmed, undocumented, missing, not observable'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l check -d 'Say what is wrong with the system as a whole: missing ends, versions that differ, cycles, assertions of `eddy.yaml`'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand graph" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand init" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand init" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand init" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand init" -l force -d 'Replace a workspace file that is there'
complete -c eddy -n "__fish_eddy_using_subcommand init" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand init" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand init" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand init" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand init" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l data -d 'The payload itself' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l key -d 'The partition key' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -s H -l header -d 'A header; `NAME:base64=VALUE` for bytes; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l timestamp -d 'The time the event carries, where the system takes one from the sender' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l partition -d 'The partition, where the system has partitions' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l channel -d 'The channel, where TARGET names only a server' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l message -d 'The message of the contract to generate, or to check against' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l input-format -d 'How the lines of `--events` are written' -r -f -a "eddy\t'As archives and `eddy tail --format json` have them'
kcat\t'As `kcat -J` writes them'"
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l from -d 'Begin here: a time, `-5m`, `start`, `end`, `last:N` or `offset:N` (default: the oldest event that is kept)' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l to -l until -d 'End here: a time, `now`, `end` or `offset:N`' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l range -d 'Both in one word: `@-48h:-24h`, `@2026-11-01T00:00Z:`, `-100`, `+50:`, `start:end`' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -s n -l count -d 'How many events to send (default: 1, or all of the input; endless with `--rate` or `--for`)' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l rate -d 'Send evenly at this rate, such as `100/s`' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l for -d 'Stop after this time, such as `1m`' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l seed -d 'Seed of generated events (default: 0) and of `random`, `pick` and `uuid` in templates (default: another each time)' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l registry -d 'Schema registry whose schemas JSON payloads are encoded by; see `--subject`' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l subject -d 'Encode by the newest schema of this subject (default with `--registry`: `<channel>-value`)' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l registry-id -d 'Encode by the schema of this number' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l protobuf-message -d 'The message of a Protobuf schema to encode (default: the first)' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l key-subject -d 'Encode keys by the newest schema of this subject; a key that is no JSON is a text' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l key-registry-id -d 'Encode keys by the schema of this number' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l results -d 'Write a JSON line for each event there: when it was due, went and arrived, where, or why not' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l confirm -d 'Name of the protected environment that is meant' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l connect-timeout -d 'Keep trying for this long while a server cannot be reached at the start, such as `1m` (default: one attempt)' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l format -d 'How to report on stdout' -r -f -a "human\t'Words on stderr'
json\t'One JSON object on stdout'"
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l template -d 'Payload, key and headers are templates, rendered for each event'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l generate -d 'Generate payloads from the contract (the default when no payload is named)'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l each-line -d 'Each line of the input is the payload of an event'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l events -d 'The input holds whole events: an archive, or event lines as `eddy tail --format json` writes them'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l no-validate -d 'Send events that break the contract too'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand inject" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand man" -l directory -d 'Write every page into this directory instead' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand man" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand man" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand man" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand man" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand man" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand man" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand man" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand man" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand new" -l contract -d 'AsyncAPI document of the service' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand new" -l answers -d 'Answers in YAML or JSON; `-` reads standard input' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand new" -l set -d 'One answer; counts more than the file' -r
complete -c eddy -n "__fish_eddy_using_subcommand new" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand new" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand new" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand new" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand new" -l defaults -d 'Take the default of every question that has no answer'
complete -c eddy -n "__fish_eddy_using_subcommand new" -l dry-run -d 'Show what would be written, and write nothing'
complete -c eddy -n "__fish_eddy_using_subcommand new" -l list -d 'List the built-in templates'
complete -c eddy -n "__fish_eddy_using_subcommand new" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand new" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand new" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand new" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand new" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand new" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand record" -s o -l output -d 'The archive to write, by custom `NAME.eddy.ndjson.zst`' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand record" -s n -l count -d 'Stop after this many events' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l for -d 'Stop after this time, such as `30s`' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l rotate-size -d 'Begin a new file at this size, such as `100MiB`; the files are `NAME-00001…`, listed in `NAME.manifest.json`' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l rotate-time -d 'Begin a new file at each whole multiple of this time (UTC), such as `1h`' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l rotate-count -d 'Begin a new file after this many events' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l from -d 'Begin here: a time, `-5m`, `start`, `end`, `last:N` or `offset:N` (default: the oldest event that is kept)' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l to -l until -d 'End here: a time, `now`, `end` or `offset:N`' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l range -d 'Both in one word: `@-48h:-24h`, `@2026-11-01T00:00Z:`, `-100`, `+50:`, `start:end`' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l match -d 'Only events that match: a text in them, `key=GLOB`, `channel=GLOB`, `header.NAME=GLOB`, `payload./POINTER=VALUE`, or jq as in `.payload.total > 100`; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l filter -d 'Only events for which this jq filter gives something true; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l map -d 'Make of each event what this jq filter gives, such as `.payload.total = 0`; several are applied in turn' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l mask -d 'Mask events by the rules of this file before they are written' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand record" -l mask-key-file -d 'A file with the key of tokens (default: `EDDY_MASK_KEY`, or `mask.key` of the workspace)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand record" -l connect-timeout -d 'Keep trying for this long while a server cannot be reached at the start, such as `1m` (default: one attempt)' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l format -d 'How to report what was recorded' -r -f -a "human\t'Words on stderr'
json\t'One JSON object on stdout'"
complete -c eddy -n "__fish_eddy_using_subcommand record" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand record" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand record" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand record" -l skip-replayed -d 'Leave out events that a replay has marked (header `eddy-run`)'
complete -c eddy -n "__fish_eddy_using_subcommand record" -l mask-strict -d 'End before an event with a field, header or key that neither a rule nor a schema names'
complete -c eddy -n "__fish_eddy_using_subcommand record" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand record" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand record" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand record" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand record" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand record" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l to -d 'Send all of them here; a server without a channel takes each to its own origin there' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l origin-header -d 'The header that says where an event came from' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l back-to -d 'What a RabbitMQ message goes back to: the queue it died in, or the exchange it was published to' -r -f -a "queue\t'Only the queue it died in gets it again'
exchange\t'Every queue bound there gets it again'"
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l group -d 'The consumer group or durable consumer that takes events out (default: eddy-redrive)' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l match -d 'Only events that match: a text in them, `key=GLOB`, `channel=GLOB`, `header.NAME=GLOB`, `payload./POINTER=VALUE`, or jq as in `.payload.total > 100`; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l filter -d 'Only events for which this jq filter gives something true; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l map -d 'Make of each event what this jq filter gives, such as `.payload.total = 0`; several are applied in turn' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l first -d 'Take at most this many' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l rate -d 'Send evenly at this rate, such as `50/s` (default: as fast as the origin takes them)' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l max-redrives -d 'An event that was sent back so often is not sent back again' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l quarantine -d 'Where events go that cannot go back: a file, or a URL with a channel' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l loss -d 'Whether to send events of which the target would lose a part' -r -f -a "refuse\t'Do not send it, and say what would be lost'
allow\t'Send it without the lost part'"
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l retry-for -d 'Try failed events again for this long before giving up' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l connect-timeout -d 'Keep trying for this long while a server cannot be reached at the start, such as `1m` (default: one attempt)' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l preflight -d 'What to do about what the origins say of themselves before the first event: whether they are there, sizes, permissions' -r -f -a "refuse\t'Send nothing when something would go wrong'
warn\t'Say what would go wrong and send all the same'
off\t'Do not ask'"
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l confirm -d 'Name of the protected environment that is meant' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l audit -d 'The file that says who took what back and when (default: that of `eddy replay`: `audit` of the workspace, `.eddy/audit.ndjson` beside it, or `eddy/audit.ndjson` in the user\'s state directory)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l format -d 'How to report on stdout' -r -f -a "human\t'Words'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l skip-replayed -d 'Leave out events that a replay has marked (header `eddy-run`)'
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l keep-error-headers -d 'Keep the headers that say how an event died'
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l dry-run -d 'Show what would go where, and send nothing'
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand redrive" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l to -d 'Where events go; without a channel in it each goes to its own' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l from -d 'Leave out what was received before this: a time, `-5m`, `last:N` or `offset:N`' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l until -d 'Leave out what was received after this: a time or `offset:N`' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l range -d 'Both in one word: `@2026-11-01T00:00Z:1h`, `-100`, `+50:`, `120:180`' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l channel -d 'Only channels that match; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l match -d 'Only events that match: a text in them, `key=GLOB`, `channel=GLOB`, `header.NAME=GLOB`, `payload./POINTER=VALUE`, or jq as in `.payload.total > 100`; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l filter -d 'Only events for which this jq filter gives something true; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l map -d 'Make of each event what this jq filter gives, such as `.payload.total = 0`; several are applied in turn' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l sample -d 'Only this share of the events, such as `10%`: whole keys, the same ones in each run' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l by -d 'What stays together in a sample: `key`, `header:NAME`, or a jq filter such as `.payload.customer`' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l skip -d 'Leave out this many of the selected events' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l first -d 'Send at most this many events' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l map-channel -d 'Send events of channel OLD to channel NEW; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l header -d 'Set a header on every event; `NAME:base64=VALUE` for bytes; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l drop-header -d 'Take the headers of this name away; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l ids -d 'What becomes of identities: of CloudEvents and messages, of correlation, causation and traces' -r -f -a "keep\t'They stay'
new\t'Events get fresh ones; what refers to others stays'
map\t'Each gets a new one that is the same wherever it stands in the run'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l id-field -d 'A place of identities in payloads, such as `.order.id` or `/order/id`; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l retime -d 'What becomes of times: of the broker and of CloudEvents' -r -f -a "keep\t'They stay'
now\t'Each becomes the time of sending'
shift\t'All move by the same, so that the first is the start of the run'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l time-field -d 'A place of times in payloads, such as `.created_at`; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l repartition -d 'Partitions: `keep` those recorded, choose anew by `key` as Java clients do, or by key over the first N' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l fault -d 'Do this to a share of the events: `duplicate:5%`, `delay:1%:200ms`, `reorder:1%`, `drop:1%` or `corrupt:0.5%`, and ` if EXPR` to some only; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l seed -d 'What decides which events have a fault; the same seed gives the same faults' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l loss -d 'Whether to send events of which the target would lose a part' -r -f -a "refuse\t'Send nothing and say what would be lost'
allow\t'Send them without the lost part'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l retry-for -d 'Try failed events again for this long before giving up' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l connect-timeout -d 'Keep trying for this long while a server cannot be reached at the start, such as `1m` (default: one attempt)' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l ledger -d 'Keep a ledger there of what the target has confirmed, so that a crash costs nothing' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l confirm -d 'Name of the protected environment that is meant' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l format -d 'How to report on stdout' -r -f -a "human\t'Words'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l speed -d 'How many times faster than recorded, 0.1 to 1000, or `max`' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l rate -d 'Send evenly at this rate instead of at the recorded times, such as `500/s`' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l ramp -d 'Let the pace grow evenly from nothing to the full one over this time: `x` into it, it is `x / TIME` of the full one; everything after it is due half of TIME later than without' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l max-gap -d 'Wait no longer than this between two events, in time of the run, such as `2s`' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l skip-idle -d 'Leave out pauses that are longer than this in the recording, such as `10s`' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l clock -d 'The recorded time it goes by: `receive`, `broker`, or `field:` with a JSON Pointer into the payload (`field:/at`) or a jq filter (`field:.payload.at`). Lanes are merged by it, and each keeps its order' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l loop -d 'Send the recording this many times, the next round one mean gap after the last, with new identities in each' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l start-at -d 'Begin at this time, such as `2026-11-01T12:00Z`; several machines can begin together' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l late -d 'What is done about late events: `burst` sends them at once and in order; `stretch[:TIME]` moves the rest of the schedule when one is later than TIME; `drop[:TIME]` leaves it out; `abort-over:TIME` ends the run. TIME is 100ms unless given' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l preflight -d 'What to do about what the target says of itself before the first event: sizes, partitions, times, permissions' -r -f -a "refuse\t'Send nothing when something would go wrong'
warn\t'Say what would go wrong and send all the same'
off\t'Do not ask'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l max-events -d 'Send nothing when there are more events than this' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l max-bytes -d 'Send nothing when there are more bytes than this, such as `2GiB`' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l max-duration -d 'Send nothing when the run takes longer than this, such as `2h`' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l ask-after -d 'Send this many events, wait for their receipts, and ask whether the rest follows; without a terminal the run ends there and says how to go on. With `--yes` the rest follows when all of them arrived' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l validate -d 'What to do about events that do not fit the workspace\'s contract of today' -r -f -a "refuse\t'Send nothing when one does not fit'
skip\t'Leave them out'
warn\t'Say how many there are and send them'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l max-loops -d 'Leave out events that have been through this many replays already' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l quarantine -d 'Keep what `--max-loops` leaves out in this archive; of several shards, `0/COUNT` keeps it for all' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l audit -d 'The file that says who replayed what and when (default: `audit` of the workspace, `.eddy/audit.ndjson` beside it, or `eddy/audit.ndjson` in the user\'s state directory)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l results -d 'Write a JSON line for each event there: when it was due, went and arrived, where, or why not; with `--shard`, FILE is followed by `.INDEX-of-COUNT`' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l progress -d 'How progress is shown on stderr' -r -f -a "auto\t'A bar with a line for each channel on a terminal, a plain line every few seconds elsewhere'
json\t'A JSON line each second and for everything that happens'
plain\t'Plain lines'
none\t'Only what goes wrong'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l shard -d 'Send only the lanes of one of several processes, such as `0/4`; `auto/4` in a Kubernetes Indexed Job' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l delivery -d 'How sure it must be that each event arrives once, also after a crash (default: as sure as the target and `--ledger` allow without transactions)' -r -f -a "at-least-once\t'What was not confirmed goes again, and may then be there twice'
effectively-once\t'What has arrived is found by its marks and does not go again'
exactly-once\t'Events go in transactions together with the progress of the run (Kafka, `--speed max`)'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l skip-replayed -d 'Leave out events that a replay has marked (header `eddy-run`)'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l resume -d 'Go on with the run of the ledger: only what is not on the target yet is sent'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l no-mark -d 'Do not mark events with the headers `eddy-run` and `eddy-seq`'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l dry-run -d 'Show what would be done and send nothing; exit code 1 when a guard rail or a loss would stop the run'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l in-place -d 'Send events to the very channels they were recorded from'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -a "report" -d 'Add up the JSON summaries of the shards of a run'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -a "manifest" -d 'Print a Kubernetes Indexed Job whose pods replay an archive together'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and not __fish_seen_subcommand_from report manifest help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from report" -l format -d 'How to report on stdout' -r -f -a "human\t'Words'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from report" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from report" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from report" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from report" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from report" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from report" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from report" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from report" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from report" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l archive -d 'Where the archive lies in the pods' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l to -d 'Where events go' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l shards -d 'Pods, each with its share of the lanes' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l image -d 'The image with `eddy` in it' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l claim -d 'The claim of the volume with the archive, mounted at `--mount`; ledgers are kept there too' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l mount -d 'Where the volume is mounted' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l name -d 'The name of the job' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l namespace -d 'The namespace of the job (default: that of `kubectl`)' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l env-from -d 'Secrets whose entries are variables of the pods; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l backoff-limit -d 'How often all pods together may fail before the job does' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from manifest" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from help" -f -a "report" -d 'Add up the JSON summaries of the shards of a run'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from help" -f -a "manifest" -d 'Print a Kubernetes Indexed Job whose pods replay an archive together'
complete -c eddy -n "__fish_eddy_using_subcommand replay; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l port -d 'Port to listen at on this machine; 0 picks a free one' -r
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l view -d 'The view it begins with (default: columns, overview above 1,500 services and channels)' -r -f -a "table\t'One line per channel with its producers and consumers'
tree\t'What lies up and down stream of --focus'
matrix\t'How many channels lead from each domain, or service, to each other'
boxes\t'Boxes and lines of text; the table where they do not fit'
columns\t'Three columns as a picture: producers, channels, consumers'
flow\t'Layers along the flow as a picture; what closes a cycle goes back dashed'
overview\t'Domains as a picture, and how many channels lead from one to another'"
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l asyncapi2-view -d 'How `publish` and `subscribe` of AsyncAPI 2 are read (default: app, as the specification says; doubtful documents are named)' -r -f -a "app\t'`publish` is what the application receives'
client\t'`publish` is what the application sends'"
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l system -d 'Ask this system instead of those of the environment; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l every -d 'How often systems are asked, such as `2s` (default: 5s)' -r
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l mask -d 'Mask events by the rules of this file before they are written' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l mask-key-file -d 'A file with the key of tokens (default: `EDDY_MASK_KEY`, or `mask.key` of the workspace)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l registry -d 'Schema registry that has the schemas which payloads name (default: that of the environment)' -r
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l open -d 'Open the page in the browser'
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l observe -d 'Ask the systems of the environment again and again who sends and who receives; nothing is changed there'
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l mask-strict -d 'End before an event with a field, header or key that neither a rule nor a schema names'
complete -c eddy -n "__fish_eddy_using_subcommand serve" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand serve" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand serve" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand serve" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l contract -d 'AsyncAPI document to follow from now on (default: the one of last time)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l template -d 'Template to follow from now on, named as for `eddy new` (default: the one of last time)' -r
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l answers -d 'Answers in YAML or JSON; `-` reads standard input' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l set -d 'One answer; counts more than the file' -r
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l defaults -d 'Take the default of every question that has no answer'
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l accept-breaking -d 'Write although the contract breaks those on the other side'
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l check -d 'Write nothing; exit code 1 when something would change'
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l dry-run -d 'Show exactly what would be written, with differences, and write nothing'
complete -c eddy -n "__fish_eddy_using_subcommand sync" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand sync" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand sync" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand sync" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand sync" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand tail" -s n -l count -d 'Stop after this many events' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l from -d 'Begin here: a time, `-5m`, `start`, `end`, `last:N` or `offset:N` (default: the oldest event that is kept)' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l to -l until -d 'End here: a time, `now`, `end` or `offset:N`' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l range -d 'Both in one word: `@-48h:-24h`, `@2026-11-01T00:00Z:`, `-100`, `+50:`, `start:end`' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l match -d 'Only events that match: a text in them, `key=GLOB`, `channel=GLOB`, `header.NAME=GLOB`, `payload./POINTER=VALUE`, or jq as in `.payload.total > 100`; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l filter -d 'Only events for which this jq filter gives something true; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l map -d 'Make of each event what this jq filter gives, such as `.payload.total = 0`; several are applied in turn' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l correlation -d 'Show only events that carry this correlation, trace or message identifier' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l connect-timeout -d 'Keep trying for this long while a server cannot be reached at the start, such as `1m` (default: one attempt)' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l registry -d 'Schema registry that has the schemas which payloads name (default: that of the environment)' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l format -d 'How to show events' -r -f -a "pretty\t'Over several lines, indented and coloured'
line\t'Time, channel, key and payload on one line'
json\t'One JSON object a line, as in archives'
raw\t'The payload alone, each followed by a newline'
template\t'As `--template` says'
kcat\t'One JSON object a line, as `kcat -J` writes them'"
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l template -d 'The form of each event, such as `{time} {channel} {key} {payload}\\n`; implies `--format template`' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand tail" -s f -l follow -d 'Go on with new events after those that `--from` asked for'
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l skip-replayed -d 'Leave out events that a replay has marked (header `eddy-run`)'
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l validate -d 'Mark events that break the contract of the workspace'
complete -c eddy -n "__fish_eddy_using_subcommand tail" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand tail" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand tail" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand tail" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand tail" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -f -a "list" -d 'Name the templates that are built in'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -f -a "show" -d 'Show what a template asks and what it makes'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -f -a "lint" -d 'Find mistakes in a template without making anything of it'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -f -a "test" -d 'Make projects of a template, compare them with those expected, and build them'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -f -a "new" -d 'Begin a template of your own'
complete -c eddy -n "__fish_eddy_using_subcommand template; and not __fish_seen_subcommand_from list show lint test new help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from list" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from list" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from list" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from list" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from list" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from list" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from list" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from show" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'
json-schema\t'A JSON Schema of the answers'"
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from show" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from show" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from show" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from show" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from show" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from show" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from lint" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from lint" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from lint" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from lint" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from lint" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from lint" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from lint" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from lint" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from lint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from lint" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l contract -d 'AsyncAPI document for the matrix; may be given several times (default: those of the cases)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l set -d 'An answer for every project of the matrix' -r
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l run -d 'Run this in every project, by the shell; it must succeed' -r
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l keep -d 'Keep the projects there, one directory each; it must be new or empty' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l format -d 'Form of the output' -r -f -a "human\t'For people'
json\t'One JSON object'"
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l no-matrix -d 'Only the cases, without the matrix of answers'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l update -d 'Write the trees of the cases anew, instead of comparing with them'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from test" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from new" -l name -d 'What the template is called (default: the name of the directory)' -r
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from new" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from new" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from new" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from new" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from new" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from new" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from new" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from new" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from new" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from help" -f -a "list" -d 'Name the templates that are built in'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what a template asks and what it makes'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from help" -f -a "lint" -d 'Find mistakes in a template without making anything of it'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from help" -f -a "test" -d 'Make projects of a template, compare them with those expected, and build them'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from help" -f -a "new" -d 'Begin a template of your own'
complete -c eddy -n "__fish_eddy_using_subcommand template; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l changed-since -d 'Only documents that differ from this revision of git, or refer to a file that does' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l format -d 'Form of the output' -r -f -a "human\t'With the lines at fault'
concise\t'One line per finding'
json\t'For programs: one object'
jsonl\t'For programs: a line per finding'
sarif\t'SARIF 2.1.0, for code scanning'
junit\t'Test report in XML'
github\t'Annotations of a workflow on a change'
gitlab\t'Code quality report'
checkstyle\t'Checkstyle XML'
markdown\t'For a comment on a change'
rdjson\t'Reviewdog Diagnostic Format'"
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l events -d 'Check these events against the contract: JSON lines, a JSON list, CloudEvents, a recording, a live channel, or `-`' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l message -d 'The message every event is' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l schema-id -d 'The message of payloads that begin with this schema id of a registry; may be given several times' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l registry -d 'Schema registry that knows the schema ids nobody has named (default: that of the environment)' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l max-errors -d 'Stop after this many findings in events' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -s n -l count -d 'Events to read of a live channel: the last ones it keeps, else the next to arrive' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l for -d 'Read a live channel for this time, such as `10s`' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l connect-timeout -d 'Keep trying for this long while a server cannot be reached at the start, such as `1m` (default: one attempt)' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l max-findings -d 'Most findings to show per file' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l rule -d 'Level of a code, rule, category or official identifier, over that of the workspace: `ED2106=off`' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l level -d 'Lightest findings to show' -r -f -a "hint\t'All'
info\t'No hints'
warning\t'Neither hints nor notes'
error\t'Errors only'"
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l baseline -d 'Findings in this file are known: only others are shown and fail' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l write-baseline -d 'Write all findings into this file, for `--baseline`' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l rules -d 'Run also the rules in this file, beside those that the workspace names in `rules-from`' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l color -d 'When to colour' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l workspace -d 'Directory of the workspace file `eddy.yaml` (default: here or above)' -r -F
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l env -d 'Environment of the workspace to use' -r
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l allow-remote -d 'Fetch what references name by http or https, lock it in `eddy.refs.lock` and keep a copy'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l watch -d 'Check again whenever a file changes, until Ctrl-C'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l fail-fast -d 'Stop at the first finding in an event'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -s f -l follow -d 'Read a live channel until Ctrl-C'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l fix -d 'Apply the fixes that keep the meaning or restore the obvious one'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l unsafe -d 'Apply also the fixes that should be read before use'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l dry-run -l diff -d 'Show what `--fix` would change and write nothing'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l deny-warnings -d 'Count warnings as errors'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l test-rules -d 'Run the tests in the files of rules, and nothing else'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -s q -l quiet -d 'Say nothing but data and errors'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -s v -l verbose -d 'Say more about what is done'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l no-progress -d 'Draw no progress bars'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -l yes -d 'Answer yes to questions'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c eddy -n "__fish_eddy_using_subcommand validate" -s V -l version -d 'Print version'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "add" -d 'Add an operation, a channel, an outbox or dead letters to a project'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "adopt" -d 'Bring a project that eddy did not make under a template'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "archive" -d 'Look into recordings, cut and join them, check them, mend them'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "broker" -d 'Run the embedded MQTT broker for local work'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "bundle" -d 'Make one document of many files; references stay references'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "convert" -d 'Convert an AsyncAPI document to a later version; comments stay'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "demo" -d 'Show the whole round on the embedded broker'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "doctor" -d 'Check the workspace, its servers and the tools eddy calls'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "explain" -d 'Print the page of a diagnostic code, or list all codes'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "fmt" -d 'Lay out YAML and JSON documents; comments, anchors and order stay'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "graph" -d 'Show who sends what to whom'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "init" -d 'Write a workspace file'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "inject" -d 'Send one event, a file, standard input, or events generated from the contract'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "man" -d 'Print the manual'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "new" -d 'Make a project from a template'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "record" -d 'Capture events into an archive'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "redrive" -d 'Take dead letters back to where they came from'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "replay" -d 'Send the events of an archive again, with their timing'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "serve" -d 'Serve the page of the system, which follows documents and systems while it is open'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "sync" -d 'Bring a project up to its template and its contract'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "tail" -d 'Watch events as they arrive'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "template" -d 'See, begin, check and test templates'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "validate" -d 'Check AsyncAPI documents and event schemas'
complete -c eddy -n "__fish_eddy_using_subcommand help; and not __fish_seen_subcommand_from add adopt archive broker bundle completions convert demo doctor explain fmt graph init inject man new record redrive replay serve sync tail template validate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from add" -f -a "handler" -d 'An operation, with its channel and message when they are not there'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from add" -f -a "channel" -d 'A channel'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from add" -f -a "outbox" -d 'An outbox, where the template can have one'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from add" -f -a "dead-letter" -d 'Dead letters, where the template can have them; with `--channel` the channel they go to'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from archive" -f -a "cat" -d 'Print events, one JSON object per line'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from archive" -f -a "convert" -d 'Write a recording as CSV, CloudEvents, lines of kcat, Avro or Parquet, or read it back'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from archive" -f -a "import" -d 'Make an archive of what kcat, rpk, kaf, GoReplay, browsers (HAR) or the nats command wrote'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from archive" -f -a "merge" -d 'Join several recordings in order of time'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from archive" -f -a "repair" -d 'Write what is whole in a damaged or unfinished recording anew'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from archive" -f -a "slice" -d 'Write a part of a recording as a recording of its own'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from archive" -f -a "split" -d 'Cut a recording into several files by size, time, count or channel'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from archive" -f -a "stats" -d 'Count events, bytes, rates and channels'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from archive" -f -a "verify" -d 'Check frames, checksums, lines, numbers, index and seek table'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from demo" -f -a "service" -d 'Be one of the sample services'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from replay" -f -a "report" -d 'Add up the JSON summaries of the shards of a run'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from replay" -f -a "manifest" -d 'Print a Kubernetes Indexed Job whose pods replay an archive together'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from template" -f -a "list" -d 'Name the templates that are built in'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from template" -f -a "show" -d 'Show what a template asks and what it makes'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from template" -f -a "lint" -d 'Find mistakes in a template without making anything of it'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from template" -f -a "test" -d 'Make projects of a template, compare them with those expected, and build them'
complete -c eddy -n "__fish_eddy_using_subcommand help; and __fish_seen_subcommand_from template" -f -a "new" -d 'Begin a template of your own'
