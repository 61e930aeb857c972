// What each kind of message means, and what its reader does next: the catalog.

extension MessageKind {
  package var meaning: MessageMeaning {
    switch self {
    case .daemonStarted:
      MessageMeaning(
        id: "f6fadfa7e5c14b629362da5cc13da58a", level: .info,
        meaning: "The daemon has started and watches its workloads.",
        next: "Nothing to do. `pilotlightctl status` shows what it sees.")
    case .daemonStopping:
      MessageMeaning(
        id: "2c63888f28f04481be6ddce7a7ace732", level: .info,
        meaning: "The daemon stops cleanly. A run in progress continues when it starts again.",
        next: "Nothing to do.")
    case .configurationReloaded:
      MessageMeaning(
        id: "8a119b9e16bc47328f7b7676d015b0dc", level: .info,
        meaning: "A new configuration was read completely and is in force.",
        next: "Nothing to do.")
    case .configurationRefused:
      MessageMeaning(
        id: "bc67ba94637d4efaa09e467ada679f81", level: .error,
        meaning: "A configuration was refused; the one before stays in force.",
        next: "Correct the lines named, then `systemctl reload pilotlightd`.")
    case .ledgerBroken:
      MessageMeaning(
        id: "fab36728a78b4b7e8787c0de2f960063", level: .critical,
        meaning:
          "The ledger cannot be written, and nothing is acted upon. After a full disk watching goes on; after an I/O error the daemon "
          + "leaves, and is started anew every few seconds until the disk answers.",
        next: "Free or repair the disk: it goes on by itself. `pilotlightctl ledger check` says what is left.")
    case .ledgerMended:
      MessageMeaning(
        id: "a712755f6cac44d599d5269512e74f7b", level: .notice,
        meaning: "The ledger can be written again.",
        next: "Nothing to do.")
    case .timeGap:
      MessageMeaning(
        id: "ac8efe121c5949f1ba2dde83458bfed0", level: .warning,
        meaning:
          "The daemon was not running for a while (frozen, suspended or starved). Evidence from before is thrown away.",
        next: "Look at the host: CPU steal, suspend, SIGSTOP.")
    case .armed:
      MessageMeaning(
        id: "5796a670482c490e8d9782bfcdc83011", level: .info,
        meaning: "The primary of this configuration was seen serving: a failover away from it is possible.",
        next: "Nothing to do.")
    case .notArmed:
      MessageMeaning(
        id: "3d1c9f0b7a5e4c2f8e64b0d92a71c5e8", level: .warning,
        meaning: "For longer than `decision.alertUnarmedAfter` a failover could not have been carried out.",
        next: "`pilotlightctl status` names each reason; `pilotlightd --check --live` reads everything anew.")
    case .armedAgain:
      MessageMeaning(
        id: "a84e6d2c19f34b0d9c75e3f1b2087d46", level: .notice,
        meaning: "What kept the workload from being armed is over.",
        next: "Nothing to do.")
    case .accountKnown:
      MessageMeaning(
        id: "5b0c7b1f1d0e4a6f9a2d6f0f6f3c8e11", level: .info,
        meaning: "The AWS account behind the credentials is remembered. Another one stops the daemon from acting.",
        next: "Nothing to do.")
    case .degraded:
      MessageMeaning(
        id: "0b80a25553a14945a93258ef7777682c", level: .warning,
        meaning: "The primary shows trouble. Nothing has been changed.",
        next: "`pilotlightctl explain` tells what would happen next and when.")
    case .recovered:
      MessageMeaning(
        id: "45ac16b9c20d4c218f8a7abff2e91ac7", level: .info,
        meaning: "The primary serves again; nothing was needed.",
        next: "Nothing to do.")
    case .nearMiss:
      MessageMeaning(
        id: "dd2ee150d2844277b89c1af40ce8fcc9", level: .notice,
        meaning: "The primary failed, but not often enough in a row to count.",
        next: "Nothing to do. If it happens often, look at the primary.")
    case .blind:
      MessageMeaning(
        id: "3c3ae353fb14428e90b401a6c1cc0aff", level: .warning,
        meaning: "Our own view is broken: references fail as well as the primary. Nothing moves towards failover.",
        next: "Look at this host's network.")
    case .sighted:
      MessageMeaning(
        id: "b9c8b9ffe46e46279419c7723226db94", level: .info,
        meaning: "Our own view works again.",
        next: "Nothing to do.")
    case .heldBack:
      MessageMeaning(
        id: "bbeeb6361d334c6d96f0da847a2a3b87", level: .warning,
        meaning: "A failover would begin, but something holds it back.",
        next: "`pilotlightctl explain` names it and what would release it.")
    case .lagHigh:
      MessageMeaning(
        id: "68e58909ccb24416925a56c9a30f4300", level: .warning,
        meaning: "Replication is further behind than it should be, or unknown.",
        next: "Look at the replica. A failover now would lose what is not replayed.")
    case .wouldFailOver:
      MessageMeaning(
        id: "ff53a46f5ead403a84c4b877678537a3", level: .warning,
        meaning: "Mode observe: this is the moment a failover would have begun.",
        next: "Compare with your own judgement; `mode: approve` or `automatic` lets it act.")
    case .wouldHaveBeenWrong:
      MessageMeaning(
        id: "e179f773a6e043c09514b7dde2ad0478", level: .notice,
        meaning: "The primary recovered after the moment a failover would have begun.",
        next: "Consider a longer `confirmFor`.")
    case .runBegun:
      MessageMeaning(
        id: "0c28cec1b94742afa4b936976b4b76b0", level: .warning,
        meaning: "A failover, a switchover or a failback has begun.",
        next: "`pilotlightctl status` follows it.")
    case .stepStarted:
      MessageMeaning(
        id: "a398d022d4354df48322905089933837", level: .info,
        meaning: "A step of the run has begun.",
        next: "Nothing to do.")
    case .acting:
      MessageMeaning(
        id: "4c8b1eb44f1e4ccf8372a2a784a67245", level: .notice,
        meaning: "A step is about to change something; the record of it is durable.",
        next: "Nothing to do.")
    case .accepted:
      MessageMeaning(
        id: "ac9130f4547c47d38e3a655f20731ab2", level: .info,
        meaning: "The cloud has taken the change; it is watched until it is so.",
        next: "Nothing to do.")
    case .didNotHappen:
      MessageMeaning(
        id: "ca3ab343ac334b68be9bf77c6519a9d5", level: .warning,
        meaning: "A change certainly did not happen and will be considered anew.",
        next: "Nothing to do.")
    case .gatePassed:
      MessageMeaning(
        id: "03c472ca449548b4b8d889d2b47a5c1d", level: .warning,
        meaning: "The evidence was read again and everything needed for the one-way step holds.",
        next: "Nothing to do. From the next step on there is no automatic way back.")
    case .stepDone:
      MessageMeaning(
        id: "77dde229df884e4dac2386e5cc86ba64", level: .info,
        meaning: "A step of the run is finished.",
        next: "Nothing to do.")
    case .fenceUnderway:
      MessageMeaning(
        id: "5b0c1d0e6f7a4f5d9a3c2e8b7d641f90", level: .warning,
        meaning:
          "The old primary's group was told to end its instances, and some still run; the recovery does not wait for them.",
        next: "Nothing to do unless it lasts: after ten minutes somebody is called.")
    case .stepOwed:
      MessageMeaning(
        id: "c3dd75f6808548e6ac925f09a227f039", level: .critical,
        meaning: "The old primary could not be fenced yet. It is retried until it is.",
        next: "Make sure that nothing writes to the old primary.")
    case .stepStuck:
      MessageMeaning(
        id: "bb262a934ce14c61aa0336d98b8c82f1", level: .critical,
        meaning: "A step cannot go on by itself.",
        next:
          "Mend the cause, then `pilotlightctl retry`; or `skip --reason`; or `abort` while nothing one-way has run.")
    case .stepReopened:
      MessageMeaning(
        id: "b183256ea16e4121b07a6fc42fd7b23a", level: .notice,
        meaning: "A step is looked at anew.",
        next: "Nothing to do.")
    case .stepSkipped:
      MessageMeaning(
        id: "8f39aaa5729a453cb891da33e83a9d40", level: .warning,
        meaning: "An operator took a step as done.",
        next: "Nothing to do.")
    case .waiting:
      MessageMeaning(
        id: "e5a9f6b1a29749bfadf438f7b27c1c74", level: .warning,
        meaning: "A step waits for an operator.",
        next: "`pilotlightctl status` names the order it waits for.")
    case .stillRunning:
      MessageMeaning(
        id: "f1a38d3268344c65927cb2382bedda16", level: .warning,
        meaning: "A step takes much longer than forecast. It goes on being watched.",
        next: "Look at the resource named; nothing is given up.")
    case .troubled:
      MessageMeaning(
        id: "d00f7b11205f42f788c1d781b972e776", level: .warning,
        meaning: "A call to the cloud failed and is tried again.",
        next: "Nothing to do unless it lasts.")
    case .approved:
      MessageMeaning(
        id: "b21b1c2e1f6141bcacb70dd842762334", level: .notice,
        meaning: "An operator approved.",
        next: "Nothing to do.")
    case .lossAccepted:
      MessageMeaning(
        id: "3ceb083187444e92ad9336c0f9c4b930", level: .warning,
        meaning: "An operator accepted a data loss beyond the RPO, for this incident.",
        next: "Nothing to do.")
    case .lossNoted:
      MessageMeaning(
        id: "6488636313e54f0599a6a01213f29808", level: .warning,
        meaning:
          "The replica is promoted. What was written to the old database and had not reached it is missing, at most so much.",
        next: "Look for it in the old database, then `pilotlightctl ack --loss-reviewed`; a failback waits for that.")
    case .lossReviewed:
      MessageMeaning(
        id: "422b9eef22a848a6a65d7591e1022750", level: .notice,
        meaning: "Somebody has looked for what the promotion lost, or a switchover lost nothing; a failback may begin.",
        next: "Nothing to do.")
    case .rollbackBegun:
      MessageMeaning(
        id: "b338afd6b7764568a9ca4bb956e78ec7", level: .warning,
        meaning: "The run is being taken back; nothing one-way has run.",
        next: "Nothing to do.")
    case .stepUndone:
      MessageMeaning(
        id: "ea44bd0d405e43118b68dba7a2bb831d", level: .info,
        meaning: "A step was taken back.",
        next: "Nothing to do.")
    case .rolledBack:
      MessageMeaning(
        id: "670c1cd355554e3184be37c1dfe6c55b", level: .notice,
        meaning: "The run was taken back completely, or the failover that follows takes over what it did.",
        next: "Nothing to do.")
    case .runFinished:
      MessageMeaning(
        id: "6f877ca98a42427fb0d379d72f8cbeb2", level: .warning,
        meaning: "The run is finished.",
        next: "`pilotlightctl report` says what was reached. After a failover: review the loss, then plan the failback."
      )
    case .debtIncurred:
      MessageMeaning(
        id: "b7501dd59ff84eff952dfdc535c0edcf", level: .critical,
        meaning:
          "The DR region serves, and what kept the old primary from taking writes does so no more: there may be two writers.",
        next: "It is fenced again by itself. Find out who started it; `pilotlightctl failback` is the way home.")
    case .debtPaid:
      MessageMeaning(
        id: "adff32f535dd4954a7f8022a4eedef2a", level: .notice,
        meaning: "The old primary is fenced at last.",
        next: "Nothing to do.")
    case .debtWaived:
      MessageMeaning(
        id: "a4f3712415e744d8be5563daec46fb50", level: .warning,
        meaning:
          "An operator answers for the old primary: what was not fenced is neither retried nor watched any more.",
        next: "See that nothing writes to the old primary until the failback.")
    case .debtUnpaid:
      MessageMeaning(
        id: "af66726c86b84eaebaaa33cf8667bef0", level: .error,
        meaning: "The old primary is still not fenced: when it returns it may take writes beside the DR region.",
        next: "It is retried every half minute. Fence it by hand, or leave it with `pilotlightctl skip --step`.")
    case .acknowledged:
      MessageMeaning(
        id: "396dfa3367634f9c8484f9d69de18a44", level: .info,
        meaning: "An operator acknowledged the failover; the hold-down is over.",
        next: "Nothing to do.")
    case .paused:
      MessageMeaning(
        id: "7f11ee19d49d4a71a615dc020b7ef25e", level: .warning,
        meaning: "An operator paused the workload: nothing will be changed.",
        next: "`pilotlightctl resume` when done.")
    case .unpaused:
      MessageMeaning(
        id: "0f66fa84183449beb91363081216b6dc", level: .notice,
        meaning: "The pause is over; a fresh confirmation window begins.",
        next: "Nothing to do.")
    case .ordered:
      MessageMeaning(
        id: "76dca866649b48098780b8cf55034265", level: .notice,
        meaning: "An operator gave an order.",
        next: "Nothing to do.")
    case .oldPrimaryServes:
      MessageMeaning(
        id: "901d50b159d141f681049edb284b753a", level: .critical,
        meaning: "The side that was left serves beside the promoted one, and this daemon may not stop it.",
        next: "Do as the message says, or stop what was left by hand: two databases may take writes.")
    case .servingDown:
      MessageMeaning(
        id: "7c77833f338f4aabb1c8046a3c6dd345", level: .critical,
        meaning: "The region that users are led to does not answer its probe.",
        next: "Look at that region; nothing is moved by itself.")
    case .turnedAway:
      MessageMeaning(
        id: "f6d45771ce17c0bff86c35750c87a664", level: .error,
        meaning: "A certificate or a name keeps users from the primary; a failover would not help.",
        next: "Renew the certificate, or mend the name.")
    case .rtoAtRisk:
      MessageMeaning(
        id: "e4631b553fde45b4a886904732dce811", level: .critical,
        meaning: "The recovery time objective can no longer be met.",
        next: "`pilotlightctl explain` says by how much and what it waits for.")
    case .cloudNotice:
      MessageMeaning(
        id: "c86308a3429b4def959c11d466f6d437", level: .warning,
        meaning: "The AWS client noticed something about credentials, clock or endpoints.",
        next: "Read the line.")
    case .recordingStopped:
      MessageMeaning(
        id: "9d0f4c1be7a34c5f8e52b6a7714d20c3", level: .warning,
        meaning: "Observations are not kept for a later replay. Watching, deciding and acting go on as ever.",
        next: "Look at the disk of the state directory; it is tried again every 30 s.")
    case .recordingResumed:
      MessageMeaning(
        id: "47b86f2f0d6e4d0ab3c9a1d55e83f6b2", level: .notice,
        meaning: "Observations are kept again.",
        next: "Nothing to do. A replay of that time tells what is missing.")
    case .preparing:
      MessageMeaning(
        id: "7ad383f1ae48468e8320ee18c1557538", level: .notice,
        meaning:
          "Reversible steps of a failover are taken before the outage is confirmed, and taken back if it passes.",
        next: "`pilotlightctl explain` tells what is missing for a failover; `pilotlightctl abort` takes them back now."
      )
    case .preparationHeld:
      MessageMeaning(
        id: "a51e23916a84447da53f47f4b66d7f65", level: .warning,
        meaning: "Instances of the DR region run only to be ready, and have done so for a while. They cost money.",
        next: "Decide: `pilotlightctl failover`, or `pilotlightctl abort` takes them back.")
    case .vetoed:
      MessageMeaning(
        id: "70db0667a5fb4fde8bacb206311c7029", level: .warning,
        meaning: "The veto command forbade the one-way step, or gave no answer where that vetoes.",
        next: "Remove its reason, or `pilotlightctl approve` overrules it; `pilotlightctl abort` takes the run back.")
    case .blindSpot:
      MessageMeaning(
        id: "c6c0e1f24d5b4e0c9a7d31b58f02ae64", level: .notice,
        meaning: "An outage of this kind would not be seen: the configuration does not let the daemon look for it.",
        next: "Configure what the message names, or know that somebody else has to notice.")
    case .leaseHeld:
      MessageMeaning(
        id: "cbde5d2dc8954288b74b5328bb017b5d", level: .notice,
        meaning: "Of all watchdogs over this workload this one acts: it holds the lease.",
        next: "Nothing to do.")
    case .leaseForeign:
      MessageMeaning(
        id: "372296365696465ea9dfe7adf0fd1b56", level: .notice,
        meaning:
          "Another watchdog holds the lease of this workload. This one watches, and takes the lease when that one has let it lapse.",
        next: "Give orders where the lease is held.")
    case .leaseTroubled:
      MessageMeaning(
        id: "dafbd8dfadd64130a2574271fa1747aa", level: .warning,
        meaning: "The lease cannot be read, or two watchdogs sign alike: no failover begins here.",
        next: "`pilotlightctl status` says why. Look at the table, its permissions and `daemon.name`.")
    case .capacitySeen:
      MessageMeaning(
        id: "5f0b2a7c9d3e4c1f8a64be7d1c90e235", level: .debug,
        meaning:
          "The serving region's group is wanted at another size; the other region takes over with a share of its peak.",
        next: "Nothing to do.")
    case .backupsSeen:
      MessageMeaning(
        id: "1d25ed280fb24c60b2ac3345768230d1", level: .debug,
        meaning:
          "The primary database's automated backups are kept for another time; whichever is promoted will keep them for as long.",
        next: "Nothing to do.")
    case .stepGivenUp:
      MessageMeaning(
        id: "23d49e3856cf4f02aaca65442a58e620", level: .warning,
        meaning: "A step that the run can do without was not done in its time, or was refused. The run goes on.",
        next: "See to it by hand; `pilotlightctl report` names it.")
    case .wedged:
      MessageMeaning(
        id: "aa6205951aee4028b1092816f19dd708", level: .critical,
        meaning: "A loop of the daemon has not turned within its bound. systemd will abort and restart it.",
        next: "Nothing, if it goes on. If it happens again: the next lines say where it was stuck; look at the host.")
    case .turnsAgain:
      MessageMeaning(
        id: "12726949692e4306a3edc06a66aef408", level: .notice,
        meaning: "Every loop of the daemon turns again.",
        next: "Nothing to do. If it happens often, look at the host: disk, memory, CPU steal.")
    case .invariantBroken:
      MessageMeaning(
        id: "d62e74f9043e499f81667a0cb8e7232f", level: .critical,
        meaning: "Something is so that must never be. The daemon has itself aborted, to begin anew from the ledger.",
        next: "Report it, with `journalctl -u pilotlightd` of the minutes before.")
    case .diskStalled:
      MessageMeaning(
        id: "c57f08ff2e6f4b1ba0dba642cbf5a628", level: .error,
        meaning: """
          A write of the ledger does not end, and nothing is decided before it has. All else turns, so the daemon is not restarted: it \
          would find the same disk. After a minute it counts as stuck.
          """, next: "Look at the disk of the ledger: `iostat -x`, dmesg, the volume's own monitoring.")
    case .credentialsEnding:
      MessageMeaning(
        id: "50a4453ad14d48bd90e2da7e4461246d", level: .error,
        meaning:
          "Credentials cannot be renewed. Those in use are used ten minutes beyond their end; then nothing can be done in AWS.",
        next: "Look at their source: instance metadata, the container's endpoint, STS, the files.")
    case .cannotStart:
      MessageMeaning(
        id: "a3f2ced0a9654099b2344cc420ef5c10", level: .critical,
        meaning: """
          The daemon cannot start and watches nothing. While the ledger's disk does not answer it is started again every few seconds. A \
          ledger that is not what it was, or a workload that is gone, ends it with exit status 3, and the unit is failed.
          """,
        next:
          "Free, repair or mount the disk: it goes on by itself. Else mend what is named (`pilotlightctl ledger check`), and start it."
      )
    }
  }
}
