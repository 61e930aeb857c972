/// What `pilotlightctl status` prints of `Samples.report`.
let statusPage = """
  Pilotlight 0.1.0  running, pid 4242, up 2 d 4 h, ledger ok with 1234 entries, account 123456789012

  django-app  FAILING-OVER  mode automatic
    moving              eu-west-1 (primary) -> us-west-2 (DR)
    verdict             down since 03:12:04Z, 4 min 12 s
                        - GET https://app.example/health: refused 5 times in a row
    replica lag         1.3 s, measured 20 s ago
    loss if promoted    2.5 s, within the RPO of 5 min
    commit deadline     in 14 min 3 s (03:30:19Z); recovery takes about 10 min 15 s
    armed               yes
    incident            inc-20260301-031204: failover, running, since 03:13:04Z, 3 min 12 s
      STEP      STATE    KIND        STARTED    TOOK
      scale-up  done     reversible  03:13:05Z  1 min 58 s
      promote   running  one-way     03:15:04Z  1 min 12 s...  instance is modifying
      verify    waiting  read-only   -          -
    fence debts         1, retried until paid
                        - the group of eu-west-1 is not at zero (since 03:14:16Z, 2 min)
    next                watch: pilotlightctl history django-app --incident inc-20260301-031204

  shop  HEALTHY  mode observe
    verdict             unknown: nothing has been seen yet
    armed               NO
                        - the primary has not answered yet
    next                mend the reasons above: a failover now would not succeed

  """
